import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Broker } from 'nestjs-funq';
import { sqlite, type SqliteOptions } from 'nestjs-funq/sqlite';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { adapt, openHandle } from '../../lib/brokers/sqlite/driver.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { buildInto, Child } from './children.js';

const folder = mkdtempSync(join(tmpdir(), 'funq-pulse-'));
const file = join(folder, 'queues', 'funq.db');
const clock = new SystemClock();
const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const ending of endings.splice(0).toReversed()) await ending();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(options: SqliteOptions): Promise<Broker> {
  const broker = sqlite(options);
  await broker.connect({ clock });
  endings.push(() => broker.close());
  return broker;
}

const subscribe = (broker: Broker) => broker.subscribe('q', { prefetch: 100, lease: 60_000 });

describe('the pulse of a subscription', () => {
  it('is data that leads to the file, one source for all of a broker', async () => {
    const broker = await open({ file });
    const [one, two] = [await subscribe(broker), await subscribe(broker)];
    expect(structuredClone(one.pulse)).toMatchObject({ source: { data: { file } }, id: expect.any(Number) as number });
    expect(one.pulse!.source).toBe(two.pulse!.source);
    expect(one.pulse!.id).not.toBe(two.pulse!.id);
    expect(one.pulse).toBe(one.pulse);
  });

  it('is missing where no other connection reaches the messages, or another copy of SQLite might', async () => {
    mkdirSync(join(folder, 'given'));
    const database = openHandle(join(folder, 'given', 'funq.db'));
    endings.push(() => database.close());
    expect((await subscribe(await open({ file: ':memory:' }))).pulse).toBeUndefined();
    expect((await subscribe(await open({ file, database }))).pulse).toBeUndefined();
  });

  it('can beat in a thread while this thread and another process write: no lock is lost, nothing is damaged', async () => {
    const built = buildInto(join(folder, 'built'), true);
    const broker = await open({ file });
    const subscription = await subscribe(broker);
    const { id, source } = subscription.pulse!;
    const raw = (sql: string): Record<string, unknown> => {
      const connection = adapt(openHandle(file));
      try {
        return connection.prepare(sql).all()[0] ?? {};
      } finally {
        connection.close();
      }
    };
    const beats = (): unknown => raw(`SELECT beats FROM funq_consumers WHERE id = ${String(id)}`).beats;
    const before = beats() as number;
    const workerData = {
      module: pathToFileURL(join(built, 'brokers/sqlite/pulse.js')).href,
      clock: pathToFileURL(join(built, 'core/system-clock.js')).href,
      data: source.data,
      id,
      connections: 40,
      beats: 25,
    };
    const thread = new Worker(new URL('beating.mjs', import.meta.url), { workerData });
    endings.push(() => thread.terminate());
    const publisher = new Child(built, 'publish', file, 'q', '2000');
    endings.push(() => publisher.kill());
    let running = true;
    const over = Promise.all([once(thread, 'message'), publisher.said(2000)]).finally(() => (running = false));
    let published = 2000;
    let done = 0;
    while (running || done < published) {
      if (running) {
        await broker.publish('q', [{ id: 'm', body: Buffer.alloc(2000) }]);
        published++;
      }
      const taken = await subscription.receive(100, AbortSignal.timeout(100));
      expect(await subscription.ack(taken)).toEqual([]);
      done += taken.length;
    }
    expect((await over)[0]).toEqual([1000]);
    expect(done).toBe(published);
    expect(raw('PRAGMA integrity_check')).toMatchObject({ integrity_check: 'ok' });
    expect(beats() as number).toBeGreaterThanOrEqual(before + 1000);
  }, 60_000);
});
