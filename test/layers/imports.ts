import ts from 'typescript';

export interface ImportLine {
  readonly from: string;
  readonly how: 'import' | 'export' | 'call';
  readonly typeOnly: boolean;
  readonly names: readonly string[];
  readonly line: number;
}

/** Every module that a source names: imports, re-exports, type imports, `import()`, `require()`, `getBuiltinModule()`. */
export function importsOf(source: ts.SourceFile): ImportLine[] {
  const found: ImportLine[] = [];
  const loaders = new Set(['require']);

  const add = (
    specifier: ts.Node | undefined,
    how: ImportLine['how'],
    typeOnly = false,
    names: string[] = [],
  ): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const line = source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1;
    found.push({ from: specifier.text, how, typeOnly, names, line });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, 'import', isTypeOnly(node.importClause), namesOf(node.importClause?.namedBindings));
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, 'export', node.isTypeOnly, namesOf(node.exportClause));
    } else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node.moduleReference.expression, 'import', node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, 'import', true);
    } else if (ts.isVariableDeclaration(node) && isCreateRequire(node.initializer) && ts.isIdentifier(node.name)) {
      loaders.add(node.name.text);
    } else if (ts.isCallExpression(node) && loads(node.expression, loaders)) {
      add(node.arguments[0], 'call');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    !clause.name &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

function namesOf(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (!bindings || (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings))) return [];
  return bindings.elements.map((element) => (element.propertyName ?? element.name).text);
}

function isCreateRequire(node: ts.Node | undefined): boolean {
  return (
    node !== undefined &&
    ts.isCallExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === 'createRequire'
  );
}

function loads(callee: ts.Expression, loaders: ReadonlySet<string>): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword || isCreateRequire(callee)) return true;
  if (ts.isIdentifier(callee)) return loaders.has(callee.text);
  return ts.isPropertyAccessExpression(callee) && ['require', 'getBuiltinModule'].includes(callee.name.text);
}
