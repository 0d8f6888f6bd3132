import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { withService } from './services/service.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = fileURLToPath(new URL('../sample/07-kafka/dist/main.js', import.meta.url));
const run = promisify(execFile);
const BOOKINGS = 12;
const ACCOUNTS = 5;

withService('kafka', (brokers) => {
  const env = { ...process.env, KAFKA_BROKERS: brokers, PREFIX: `test-${randomUUID().slice(0, 8)}.`, NO_COLOR: '1' };

  it(
    'sample 07-kafka: two processes share the bookings, each account in order; another group sees them all',
    { timeout: 180_000 },
    async () => {
      await run(process.execPath, ['scripts/build-if-stale.mjs'], { cwd: ROOT, timeout: 100_000 });
      await run('npm', ['run', 'build', '-w', 'sample/07-kafka'], { cwd: ROOT, timeout: 100_000 });
      const bank: string[] = [];
      const audit: string[] = [];
      const processes = [started('bank', bank), started('bank', bank), started('audit', audit)];
      await run(process.execPath, [MAIN, String(BOOKINGS)], { env, timeout: 60_000 });
      const whole = BOOKINGS * ACCOUNTS;
      await expect.poll(() => [bank.length, audit.length], { timeout: 60_000 }).toEqual([whole, whole]);
      for (const booked of [bank, audit]) {
        for (const account of ['ada', 'edsger', 'grace', 'barbara', 'donald']) {
          const own = booked.filter((line) => line.startsWith(`${account} `));
          expect(own).toEqual(Array.from({ length: BOOKINGS }, (_, n) => `${account} #${n + 1}: ${(n + 1) * 10}`));
        }
      }
      for (const child of processes) {
        const gone = once(child, 'exit');
        child.kill('SIGTERM');
        expect(await gone).toEqual([null, 'SIGTERM']);
      }
    },
  );

  function started(group: string, lines: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...env, GROUP: group },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let rest = '';
    child.stdout!.on('data', (chunk) => {
      const all = (rest + String(chunk)).split('\n');
      rest = all.pop()!;
      for (const line of all) lines.push(...(/(\w+ #\d+: \d+)$/.exec(line)?.slice(1) ?? []));
    });
    return child;
  }
});
