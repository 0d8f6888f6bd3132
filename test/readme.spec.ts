import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { withTable } from '../scripts/broker-table.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside its own folder the package finds itself by name, as in a user's project.
const folder = mkdtempSync(join(root, 'test', '.readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the README', () => {
  it('has an example of about twenty lines that compiles and runs as it says', { timeout: 60_000 }, async () => {
    const code = /<!-- example[^>]*-->\s+```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    expect(code.split('\n').filter((line) => line.trim()).length).toBeLessThanOrEqual(22);
    const source = join(folder, 'main.mts');
    writeFileSync(source, code);
    expect(problems(source)).toEqual([]);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, 'main.mjs')], { cwd: folder });
    expect(stderr).toBe('');
    expect(stdout).toBe(/console\.log\(.*\/\/ (.*)/.exec(code)![1] + '\n');
    expect(existsSync(join(folder, 'data/funq.db'))).toBe(true);
  });

  it('has other examples that compile', { timeout: 90_000 }, () => {
    const examples = [...readme.matchAll(/<!-- compiled[^>]*-->\s+```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
    expect(examples.length).toBeGreaterThan(0);
    for (const [n, code] of examples.entries()) {
      const source = join(folder, `example${n}.mts`);
      writeFileSync(source, `${code}\nexport {};\n`);
      expect(problems(source)).toEqual([]);
    }
  });

  it('names the scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm (?:run )?(start|test|[a-z]+:[a-z]+)\b/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(scripts).toHaveProperty(name);
  });

  it('tells of each broker what it declares: see npm run docs', async () => {
    expect(await withTable(readme)).toBe(readme);
  });
});

/** Compiles as a user's project would, types checked; resolves to the complaints. */
function problems(source: string): string[] {
  const program = ts.createProgram([source], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    rootDir: folder,
    outDir: folder,
  });
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
}
