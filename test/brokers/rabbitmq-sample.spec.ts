import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { withService } from '../services/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

withService('rabbitmq', (url) => {
  it('sample 04-rabbitmq does its work, run as its user would, and ends by itself', { timeout: 180_000 }, async () => {
    const limit = { cwd: ROOT, timeout: 170_000, env: { ...process.env, AMQP_URL: url } };
    await run(process.execPath, ['scripts/build-if-stale.mjs'], limit);
    // As `npm start` does, which needs the sample to be installed as a workspace.
    const folder = { ...limit, cwd: `${ROOT}/sample/04-rabbitmq` };
    await run('npx', ['nest', 'build'], folder);
    const { stdout } = await run(process.execPath, ['dist/main.js'], folder);
    expect(stdout).toMatch(/^9 invoices, 6 tax reports, 1 retry$/m);
  });
});
