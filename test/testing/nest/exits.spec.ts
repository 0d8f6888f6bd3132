import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('./exits.mjs', import.meta.url));

it('a process that tested an app ends by itself, with no timer left', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 50_000 });
  expect(JSON.parse(stdout)).toEqual({ runs: 6, pending: 0 });
});
