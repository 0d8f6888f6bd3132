// Builds the library when dist/ is missing, older than a source, or made from another set of sources. One at a time: of two that
// start in the same second, one builds and the other waits.
import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const filesUnder = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.replaceAll('\\', '/'))
    : [];
const changed = (file) => statSync(file).mtimeMs;

const LOCK = 'node_modules/.funq-build';

function isFresh() {
  const sources = filesUnder('lib').filter((file) => file.endsWith('.ts'));
  const outputs = filesUnder('dist').filter((file) => file.endsWith('.js'));
  const expected = new Set(sources.map((file) => file.replace(/^lib(.*)\.ts$/, 'dist$1.js')));
  if (outputs.length !== expected.size || !outputs.every((file) => expected.has(file))) return false;
  const newest = Math.max(...[...sources, 'tsconfig.json', 'nest-cli.json'].map(changed));
  return outputs.every((file) => changed(file) >= newest);
}

/** False while another process holds it; one that ended without giving it back holds nothing. */
function takeLock() {
  const ticket = `${LOCK}.${process.pid}`;
  writeFileSync(ticket, String(process.pid));
  try {
    linkSync(ticket, LOCK);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(ticket);
  }
  if (!isAlive(holder())) rmSync(LOCK, { force: true });
  return false;
}

function holder() {
  try {
    return Number(readFileSync(LOCK, 'utf8'));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

while (existsSync(LOCK) || !isFresh()) {
  if (!takeLock()) {
    await sleep(100);
    continue;
  }
  try {
    if (isFresh()) break;
    const { status } = spawnSync('npm run build', { shell: true, stdio: 'inherit' });
    process.exitCode = status ?? 1;
    break;
  } finally {
    rmSync(LOCK, { force: true });
  }
}
