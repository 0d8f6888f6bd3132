import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { JsonCodec, type Broker } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { createEnvelope } from '../../lib/core/envelope.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { putRaw } from '../bad-input/queues.js';
import { temporaryFolder } from '../dead-letters/support.js';

const REPLAYER = fileURLToPath(new URL('./replayer.mjs', import.meta.url));
const LIMIT = 60_000;
/** What one batch holds, so the most that a death can repeat. */
const BATCH = 100;
const DEATH = { v: 1, queue: 'jobs', reason: 'r', code: 'failed', diedAt: 1, errors: [] };
const codec = new JsonCodec();

interface Scene {
  readonly broker: Broker;
  /** A replaying process, and how it ended: a signal or a code. */
  start(settings?: object): { readonly child: ChildProcess; readonly ended: Promise<unknown> };
  /** The ids of all messages in a queue, which stay there. */
  ids(queue: string): Promise<string[]>;
}

/** Dead letters of `jobs` with these ids in a SQLite file. */
async function scene(ids: readonly string[]): Promise<Scene> {
  const folder = temporaryFolder();
  const broker = sqlite({ file: join(folder, 'funq.db') });
  await broker.connect({ clock: new SystemClock() });
  onTestFinished(() => broker.close());
  const letter = (id: string) => ({
    ...DEATH,
    envelope: createEnvelope({ id, args: [id], publishedAt: 1 }),
  });
  await putRaw(broker, 'jobs.dead', ids.map((id) => codec.encodeDeadLetter(letter(id)))); // prettier-ignore
  return {
    broker,
    start: (settings = {}) => {
      const child = fork(REPLAYER, [folder, JSON.stringify(settings)], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      return { child, ended: once(child, 'exit').then(([code, signal]) => (signal ?? code) as unknown) };
    },
    ids: async (queue) => {
      const count = await broker.count!(queue);
      const subscription = await broker.subscribe(queue, { prefetch: 10_000, lease: 10_000 });
      const bodies: Uint8Array[] = [];
      while (bodies.length < count) {
        const deliveries = await subscription.receive(1000, new AbortController().signal);
        if (deliveries.length === 0) break;
        bodies.push(...deliveries.map(({ body }) => body));
      }
      await subscription.close();
      return bodies.map((body) => (queue === 'jobs' ? codec.decode(body) : codec.decodeDeadLetter(body).envelope!).id);
    },
  };
}

/** Resolves when the dead process's letters have come back. */
async function recovered({ broker, ids }: Scene, all: readonly string[]): Promise<void> {
  for (;;) {
    const seen = new Set([...(await ids('jobs')), ...(await ids('jobs.dead'))]);
    if (all.every((id) => seen.has(id))) break;
  }
  expect(await broker.count!('jobs')).toBeLessThanOrEqual(all.length + BATCH);
}

describe('a process that is killed while it replays', () => {
  const all = Array.from({ length: 450 }, (_, n) => `job-${n}`);

  it.each(['received', 'publish', 'published', 'acknowledged'])(
    'at the step %s loses nothing, and repeats at most a batch',
    { timeout: LIMIT },
    async (dieAt) => {
      const stage = await scene(all);
      expect(await stage.start({ dieAt, after: 1 }).ended).toBe('SIGKILL');
      await recovered(stage, all);
      const left = await stage.ids('jobs.dead');
      expect(left).toEqual(all.slice(all.length - left.length));
      expect(await stage.start().ended).toBe(0);
      expect(await stage.broker.count!('jobs.dead')).toBe(0);
      const tasks = await stage.ids('jobs');
      expect(new Set(tasks)).toEqual(new Set(all));
      expect(tasks.length).toBeLessThanOrEqual(all.length + BATCH);
    },
  );

  it('at any moment, again and again, loses nothing', { timeout: LIMIT }, async () => {
    const stage = await scene(all);
    for (let death = 1; death <= 3; death++) {
      const { child, ended } = stage.start({ rate: 300 });
      await once(child, 'message');
      while ((await stage.broker.count!('jobs')) < death * 60) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      expect(await ended).toBe('SIGKILL');
    }
    await recovered(stage, all);
    expect(await stage.start().ended).toBe(0);
    expect(new Set(await stage.ids('jobs'))).toEqual(new Set(all));
    expect(await stage.broker.count!('jobs.dead')).toBe(0);
  });

  it('or two at once share the letters', { timeout: LIMIT }, async () => {
    const stage = await scene(all);
    expect(await Promise.all([stage.start().ended, stage.start().ended])).toEqual([0, 0]);
    expect(await stage.start().ended).toBe(0);
    expect((await stage.ids('jobs')).toSorted()).toEqual(all.toSorted());
  });
});
