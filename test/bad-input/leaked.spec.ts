import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JsonCodec, type Broker } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { SystemClock } from '../../lib/core/system-clock.js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const CHILD = fileURLToPath(new URL('leaker.mjs', import.meta.url));
const codec = new JsonCodec();

describe('an error that a handler leaks after it has returned', { timeout: 60_000 }, () => {
  let folder: string;
  let broker: Broker;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'funq-leak-'));
    broker = sqlite({ file: join(folder, 'funq.db') });
    await broker.connect({ clock: new SystemClock() });
  });
  afterEach(async () => {
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['timer', 'rejection', 'emitter'])(
    'by a %s ends the process as Node does, is logged with its task, and loses no task',
    async (how) => {
      const ids = Array.from({ length: 30 }, (_, n) => (n === 6 ? 'leaky' : `job-${n}`));
      await broker.publish(
        'jobs',
        ids.map((id) => ({ id, body: codec.encode({ v: 1, id, args: [id], publishedAt: 0, attempt: 1 }) })),
      );

      const left = async (): Promise<number> => (await broker.count!('jobs')) + missing(folder, ids).length;
      const victim = start(folder, how);
      expect(await victim.ended).toBe(1);
      expect(victim.output()).toMatch(
        /jobs leaky #1 leaked an error after its function had ended: Error: leaked later/,
      );
      expect(victim.output()).toContain('Error: leaked later\n    at ');

      const survivor = start(folder, 'not');
      await new Promise<void>((resolve) => {
        survivor.child.on('message', () => void left().then((count) => count === 0 && resolve()));
      });
      survivor.child.kill('SIGKILL');
      await survivor.ended;
      expect(await broker.count!('jobs.dead')).toBe(0);
    },
  );
});

function start(folder: string, how: string) {
  const child = fork(CHILD, [folder, how], { silent: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, output: () => text };
}

function missing(folder: string, ids: readonly string[]): string[] {
  const done = new Set(readFileSync(join(folder, 'ledger.txt'), 'utf8').split('\n'));
  return ids.filter((id) => !done.has(id));
}
