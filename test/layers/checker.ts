import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import { habitsOf } from './habits.js';
import { importsOf, type ImportLine } from './imports.js';
import { CLIENTS, EXTRA, LAYERS, MAX_LINES, PUBLIC_CORE, type ClientRule } from './rules.js';

/**
 * Reads one source of `lib/` and tells every rule that it breaks, as `file:line what`. `file` is the path inside `lib/`,
 * with forward slashes. Pure: nothing is read from the disk.
 */
export function breachesOf(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const breaches = importsOf(source).flatMap((found) => {
    const reason = judge(file, found);
    return reason ? [`${file}:${found.line} ${reason}`] : [];
  });
  if (!layerOf(file)) breaches.push(`${file}:1 belongs to no layer`);
  if (isBackend(file) && !clientOf(file)) breaches.push(`${file}:1 has no line in the table of clients`);
  if (file === 'index.ts' && source.statements.some((statement) => !isReExport(statement))) {
    breaches.push(`${file}:1 holds more than re-exports`);
  }
  const lines = text.replace(/\r?\n$/, '').split('\n').length;
  if (lines > MAX_LINES) breaches.push(`${file}:${lines} is longer than ${MAX_LINES} lines`);
  return [...breaches, ...habitsOf(file, source)];
}

function judge(file: string, found: ImportLine): string | undefined {
  const { from } = found;
  if (from.startsWith('.')) return judgeInside(file, posix.join(posix.dirname(file), from).replace(/\.js$/, '.ts'));
  if (builtinModules.includes(from)) return `names Node's module '${from}' without 'node:'`;
  if (isForbidden(found)) return `uses '${from}', which runs or rebuilds code from data`;
  if (from.startsWith('node:timers')) return `uses '${from}' instead of the clock`;
  return judgeOutside(file, found);
}

function judgeInside(file: string, target: string): string | undefined {
  if (target.startsWith('..')) return `imports '${target}', outside the library`;
  if (file === 'index.ts') {
    const open = target.startsWith('contracts/') || target.startsWith('nest/') || PUBLIC_CORE.includes(target);
    return open ? undefined : `re-exports '${target}', which is not public`;
  }
  const layer = layerOf(file) ?? '';
  const allowed = [...(LAYERS[layer]?.inside ?? []), ...ownFolders(file)];
  const inner = layerOf(target)?.startsWith(`${layer}/`) && file !== `${layer}/index.ts`;
  return !inner && allowed.some((place) => target.startsWith(place))
    ? undefined
    : `imports '${target}' from another layer`;
}

function judgeOutside(file: string, found: ImportLine): string | undefined {
  const { from, how, typeOnly } = found;
  const rule = LAYERS[layerOf(file) ?? ''];
  const client = clientOf(file);
  if (client && names(client.packages, from)) {
    return client.lazy && how !== 'call' && !typeOnly ? `imports its client '${from}' before it is needed` : undefined;
  }
  if (isClient(from)) return `imports the client '${from}', which is not its own`;
  if (names(rule?.outside, from) || names(EXTRA[file], from) || (typeOnly && names(rule?.types, from)))
    return undefined;
  return `imports '${from}', which its layer may not`;
}

function layerOf(file: string): string | undefined {
  if (file === 'index.ts') return 'index';
  const [folder = '', inner = ''] = file.split('/');
  if (`${folder}/${inner}` in LAYERS) return `${folder}/${inner}`;
  return file.includes('/') && folder in LAYERS ? folder : undefined;
}

const isBackend = (file: string): boolean => /^(brokers|stores)\/[^/]+\.ts$/.test(file);

/** `sqlite` of `brokers/sqlite.ts`, `stores/sqlite.ts` and all that stands in the folders beside them. */
const backendOf = (file: string): string | undefined => /^(?:brokers|stores)\/([a-z0-9]+)[./]/.exec(file)?.[1];

/** What a broker or a store consists of besides its file; a store may use its broker's. */
function ownFolders(file: string): string[] {
  const backend = backendOf(file);
  if (!backend) return [];
  const folders = [`brokers/${backend}/`];
  return file.startsWith('stores/') ? [...folders, `stores/${backend}/`] : folders;
}

function clientOf(file: string): ClientRule | undefined {
  const key = backendOf(file) ?? '';
  return Object.hasOwn(CLIENTS, key) ? CLIENTS[key] : undefined;
}

const isClient = (from: string): boolean => Object.values(CLIENTS).some((rule) => names(rule.packages, from));

/** Whether a list has the package itself, the package of a deep import, or `node:*` for a module of Node. */
const names = (list: readonly string[] | undefined, from: string): boolean =>
  list?.some((name) => (name === 'node:*' ? from.startsWith('node:') : from === name || from.startsWith(`${name}/`))) ??
  false;

function isForbidden({ from, names: imported }: ImportLine): boolean {
  if (from === 'node:vm') return true;
  return from === 'node:v8' && imported.some((name) => /^(deserialize|(Default)?Deserializer)$/.test(name));
}

const isReExport = (statement: ts.Statement): boolean =>
  ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;
