import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

it(
  'sample 02-testing passes its own tests, run as its user would, and ends by itself',
  { timeout: 180_000 },
  async () => {
    const limit = { cwd: ROOT, timeout: 170_000 };
    await run(process.execPath, ['scripts/build-if-stale.mjs'], limit);
    // The runner of Node leaves this to its children when it is started by another runner.
    const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
    const { stdout } = await run('npm', ['test', '-w', 'sample/02-testing'], { ...limit, env });
    expect(stdout).toMatch(/^. pass 6$/m);
    expect(stdout).toMatch(/^. fail 0$/m);
    console.log(/a year took \d+ ms/.exec(stdout)![0]);
  },
);
