import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const app = fileURLToPath(new URL('app.mjs', import.meta.url));

interface Ended {
  readonly told: readonly unknown[];
  readonly code: number | null;
  readonly signal: string | null;
}

/** Runs the app to its end; `on` may act when it tells something. */
function run(mode: string, on: (message: unknown, child: ChildProcess) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = fork(app, [mode], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const told: unknown[] = [];
    child.on('message', (message) => {
      told.push(message);
      on(message, child);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ told, code, signal }));
  });
}

describe('a process', () => {
  it('ends by itself when its app has closed: nothing is left open', async () => {
    expect(await run('close', () => undefined)).toEqual({ told: ['closed'], code: 0, signal: null });
  });

  it.each([
    ['signal', null, 'SIGTERM'],
    ['exit', 0, null],
  ])('lets its tasks end when it is asked to stop: %s', async (mode, code, signal) => {
    const ended = await run(mode, (message, child) => {
      if (message === 'started') child.kill('SIGTERM');
      if (message === 'stopping') child.send('end');
    });
    expect(ended).toEqual({ told: ['started', 'stopping', 'ended', 'done'], code, signal });
  });
});
