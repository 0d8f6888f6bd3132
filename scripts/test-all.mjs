// npm run test:all: every test, with every server; one that can't be had fails its tests. The servers start when they are
// first needed and stay up.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const node = (...args) =>
  spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, FUNQ_SERVICES: 'required' },
  });

// What fails here is said again by the tests.
node('scripts/services/main.mjs', 'install');
process.exitCode = node('node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)).status ?? 1;
