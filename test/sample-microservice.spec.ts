import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from './sample/run-sample.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const build = (sample: string): Promise<unknown> =>
  run('npm', ['run', 'build', '-w', `sample/${sample}`], { cwd: ROOT });

beforeAll(async () => {
  await run(process.execPath, ['scripts/build-if-stale.mjs'], { cwd: ROOT });
  await Promise.all([build('08-microservice'), build('09-microservice-hybrid')]);
}, 180_000);

interface Program {
  readonly child: ChildProcess;
  /** Resolves with the match when it was written. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  ended(): Promise<{ code: number | null; output: string }>;
}

function start(sample: string, main: string, env: NodeJS.ProcessEnv): Program {
  const file = join(ROOT, 'sample', sample, 'dist', main);
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env, NO_COLOR: '1' } });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  const looks: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      looks.forEach((look) => look());
    });
  const closed = once(child, 'close');
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(output);
        if (found) resolve(found);
      };
      looks.push(look);
      look();
      void closed.then(() => reject(new Error(`ended without ${pattern}: ${output}`)));
    });
  const ended = async (): Promise<{ code: number | null; output: string }> => {
    await closed;
    return { code: child.exitCode, output };
  };
  return { child, says, ended };
}

describe('sample 08-microservice', () => {
  it('is told and asked by its client, even before its worker runs', { timeout: 60_000 }, async () => {
    const env = { SHOP_FILE: join(temporaryFolder(), 'shop.db') };
    const client = start('08-microservice', 'client/main.js', env);
    await client.says(/placed A1/);
    const worker = start('08-microservice', 'worker/main.js', env);
    await worker.says(/successfully started/);
    expect(await client.ended()).toEqual({
      code: 0,
      output: 'placed A1\nprice 2870\nno price: there is no coffee\nA1 packed\nA1 shipped\nA1 delivered\n',
    });
    await worker.says(/mailed ada@example\.com about order A1 at attempt 2/);
    worker.child.kill('SIGTERM');
    const { output } = await worker.ended();
    expect(worker.child.signalCode).toBe('SIGTERM');
    expect(output).toContain('failed: Error: the mail server is busy; runs again');
  });
});

describe('sample 09-microservice-hybrid', () => {
  it('goes from HTTP to an event, a task, and back', { timeout: 60_000 }, async () => {
    const env = { PARCELS_FILE: join(temporaryFolder(), 'parcels.db'), PORT: '0' };
    const app = start('09-microservice-hybrid', 'main.js', env);
    const [, url] = await app.says(/listening on (\S+)/);
    const state = async (): Promise<unknown> => (await fetch(`${url}/parcels/P1`)).json();
    expect(await state()).toEqual({ id: 'P1', label: null });
    const headers = { 'content-type': 'application/json' };
    const handed = await fetch(`${url}/parcels`, { method: 'POST', headers, body: '{ "id": "P1" }' });
    expect([handed.status, await handed.json()]).toEqual([202, { accepted: 'P1' }]);
    await expect.poll(state, { timeout: 10_000 }).toEqual({ id: 'P1', label: '*P1*' });
    app.child.kill('SIGTERM');
    await app.ended();
    expect(app.child.signalCode).toBe('SIGTERM');
  });
});
