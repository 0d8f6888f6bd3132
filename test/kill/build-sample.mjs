// Builds the library and the sample where dist/ is missing or older than a source, so that a clean checkout can run them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SAMPLE = join(ROOT, 'sample', '01-license-audit');
/** What to run with Node. */
export const MAIN = join(SAMPLE, 'dist', 'main.js');

const timesIn = (folder, ending) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith(ending))
        .map((name) => statSync(join(folder, name)).mtimeMs)
    : [];

export function buildSample() {
  run(`"${process.execPath}" "${join(ROOT, 'scripts', 'build-if-stale.mjs')}"`, ROOT);
  const sources = [...timesIn(join(SAMPLE, 'src'), '.ts'), statSync(join(SAMPLE, 'tsconfig.json')).mtimeMs];
  const outputs = timesIn(join(SAMPLE, 'dist'), '.js');
  if (outputs.length !== sources.length - 1 || Math.min(...outputs) < Math.max(...sources))
    run('npm run build', SAMPLE);
}

function run(command, cwd) {
  const { status } = spawnSync(command, { cwd, shell: true, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`'${command}' failed in ${cwd}`);
}
