import ts from 'typescript';
import { CLOCK_FILE } from './rules.js';

const TIMERS = new Set(['setTimeout', 'setInterval']);
const TIME_READS = new Set(['Date.now', 'performance.now', 'process.hrtime', 'AbortSignal.timeout']);
const GLOBALS = /^(?:globalThis|global)\./;

/** What no file of the library does, whatever its layer, as `file:line what`. */
export function habitsOf(file: string, source: ts.SourceFile): string[] {
  const found: string[] = [];
  const add = (node: ts.Node, what: string): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push(`${file}:${line} ${what}`);
  };

  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement) && !(statement.declarationList.flags & ts.NodeFlags.Const)) {
      add(statement, 'keeps a variable at module level');
    }
  }
  const visit = (node: ts.Node): void => {
    const time = file === CLOCK_FILE ? undefined : timeOf(node);
    if (time) add(node, `uses ${time} instead of the clock`);
    if (isDefaultExport(node)) add(node, 'has a default export');
    const danger = dangerOf(node);
    if (danger) add(node, `uses ${danger}`);
    if (ts.isPropertyDeclaration(node) && holdsState(node)) add(node, 'keeps state in a static member');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `process.hrtime` of `globalThis.process.hrtime`; undefined for anything that is not a plain dotted name. */
function dotted(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (!ts.isPropertyAccessExpression(node)) return undefined;
  const left = dotted(node.expression);
  return left === undefined ? undefined : `${left}.${node.name.text}`.replace(GLOBALS, '');
}

function timeOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = dotted(node) ?? '';
    return TIME_READS.has(name) ? name : undefined;
  }
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const name = dotted(node.expression) ?? '';
  if (name === 'Date' && (ts.isCallExpression(node) || !node.arguments?.length)) return 'the present Date';
  return ts.isCallExpression(node) && TIMERS.has(name) ? name : undefined;
}

function dangerOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = dotted(node) ?? '';
    return name === 'process.exit' || name === 'v8.deserialize' ? name : undefined;
  }
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const name = dotted(node.expression);
  return name === 'eval' || name === 'Function' ? name : undefined;
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return ts.canHaveModifiers(node) && !!ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword);
}

/** A static member holds state when it can be assigned, or when its value is something that can be filled. */
function holdsState(node: ts.PropertyDeclaration): boolean {
  const has = (kind: ts.SyntaxKind): boolean => node.modifiers?.some((modifier) => modifier.kind === kind) ?? false;
  if (!has(ts.SyntaxKind.StaticKeyword)) return false;
  const value = node.initializer;
  const fillable =
    value !== undefined &&
    (ts.isNewExpression(value) || ts.isArrayLiteralExpression(value) || ts.isObjectLiteralExpression(value));
  return fillable || !has(ts.SyntaxKind.ReadonlyKeyword);
}
