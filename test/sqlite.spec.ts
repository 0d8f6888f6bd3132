import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Libsql from 'libsql';
import { sqlite, type SqliteHandle, type SqliteOptions } from 'nestjs-funq/sqlite';
import { sqliteCoordination, sqliteResults } from 'nestjs-funq/stores/sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adapt, openHandle, type SqliteConnection } from '../lib/brokers/sqlite/driver.js';
import type { Broker, Delivery, Outgoing, Subscription } from '../lib/contracts/broker.js';
import type { Clock } from '../lib/contracts/clock.js';
import type { TaskResult } from '../lib/contracts/stores.js';
import { SystemClock } from '../lib/core/system-clock.js';
import { ManualClock } from '../lib/testing/manual-clock.js';
import { buildInto, Child } from './sqlite/children.js';

const Database = createRequire(import.meta.url)('libsql') as typeof Libsql;

const folder = mkdtempSync(join(tmpdir(), 'funq-sqlite-'));
const system = new SystemClock();
const endings: (() => unknown)[] = [];
let files = 0;
let file = '';
let built = '';

beforeAll(() => {
  built = buildInto(join(folder, 'built'), true);
});
afterEach(async () => {
  for (const ending of endings.splice(0).toReversed()) await ending();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newFile = (): string => (file = join(folder, `${++files}`, 'queues.db'));

/** The file without the library, but by the same copy of SQLite: two copies in one process do not see each other's locks. */
function raw(): SqliteConnection {
  const connection = adapt(openHandle(file));
  endings.push(() => connection.close());
  return connection;
}

async function open(options: Partial<SqliteOptions> = {}, clock: Clock = system): Promise<Broker> {
  const broker = sqlite({ file: options.file ?? file, ...options });
  await broker.connect({ clock });
  endings.push(() => broker.close());
  return broker;
}

const start = (verb: string, number = 0): Child => {
  const child = new Child(built, verb, file, 'q', String(number));
  endings.push(() => child.kill());
  return child;
};

const message = (text: string, extra: Partial<Outgoing> = {}): Outgoing => ({
  id: text,
  body: Buffer.from(text),
  ...extra,
});
const messages = (count: number): Outgoing[] => Array.from({ length: count }, (_, index) => message(`m${index}`));
const texts = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ body }) => Buffer.from(body).toString());
const soon = (): AbortSignal => AbortSignal.timeout(15_000);
const now = (): AbortSignal => AbortSignal.timeout(50);

async function take(subscription: Subscription, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  const signal = soon();
  while (taken.length < count && !signal.aborted)
    taken.push(...(await subscription.receive(count - taken.length, signal)));
  expect(taken).toHaveLength(count);
  return taken;
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('several processes on one file', () => {
  it('share the messages without overlap or loss, while others publish', async () => {
    newFile();
    const consumers = [start('consume'), start('consume')];
    for (const consumer of consumers) await consumer.said(1);
    const publishers = [start('publish', 1000), start('publish', 1000), start('publish', 1000), start('publish', 1000)];
    const published = (await Promise.all(publishers.map((publisher) => publisher.ended()))).flat();
    const broker = await open();
    while ((await broker.count!('q')) > 0) await system.sleep(10);
    const consumed = (await Promise.all(consumers.map((consumer) => consumer.stop()))).flatMap((lines) =>
      lines.slice(1),
    );
    expect(consumed.toSorted()).toEqual(published.toSorted());
    expect(published).toHaveLength(4000);
  });

  it('take up at once, and counted, what a killed process held', async () => {
    newFile();
    const broker = await open();
    await broker.publish('q', messages(3));
    const holder = start('hold', 3);
    await holder.said(1);
    expect(await broker.count!('q')).toBe(0);

    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 600_000 });
    expect(await subscription.receive(10, now())).toEqual([]);
    await holder.kill();
    const taken = await take(subscription, 3);
    expect(texts(taken)).toEqual(['m0', 'm1', 'm2']);
    expect(taken.map(({ redelivered }) => redelivered)).toEqual([1, 1, 1]);
    expect(await subscription.ack(taken)).toEqual([]);
  });

  it('count each death of a process', async () => {
    newFile();
    const broker = await open();
    await broker.publish('q', messages(1));
    for (let round = 0; round < 3; round++) {
      const holder = start('hold', 1);
      await holder.said(1);
      await holder.kill();
    }
    const [taken] = await take(await broker.subscribe('q', { prefetch: 1, lease: 600_000 }), 1);
    expect(taken?.redelivered).toBe(3);
  });

  it('wait for one that writes, and say so when it takes too long', async () => {
    newFile();
    const patient = await open();
    const hasty = await open({ busyTimeout: 60 });
    const other = raw();
    other.exec('BEGIN IMMEDIATE');
    const publishing = patient.publish('q', messages(1));
    await expect(hasty.publish('q', messages(1))).rejects.toMatchObject({
      code: 'FUNQ_SQLITE_BUSY',
      message: expect.stringContaining(file) as unknown,
    });
    other.exec('COMMIT');
    expect(await publishing).toEqual([]);
    expect(await patient.count!('q')).toBe(1);
  });
});

describe('a lease', () => {
  const lease = 3000;

  async function frozen(): Promise<{
    clock: ManualClock;
    stale: Subscription;
    held: Delivery[];
    fresh: Subscription;
    broker: Broker;
  }> {
    newFile();
    const clock = new ManualClock();
    const broker = await open({}, clock);
    const stale = await (await open({}, clock)).subscribe('q', { prefetch: 10, lease });
    const fresh = await broker.subscribe('q', { prefetch: 10, lease });
    await broker.publish('q', messages(2));
    const held = await stale.receive(2, soon());
    expect(held).toHaveLength(2);
    return { clock, stale, held, fresh, broker };
  }

  it('that ran out lets others have the messages, and fences off who held them', async () => {
    const { clock, stale, held, fresh, broker } = await frozen();
    const receiving = fresh.receive(10, soon());
    await clock.advance(lease + 1500);
    const taken = await receiving;
    expect(texts(taken)).toEqual(['m0', 'm1']);
    expect(taken.map(({ redelivered }) => redelivered)).toEqual([1, 1]);

    expect(await stale.ack([held[0]!])).toEqual([held[0]]);
    expect(await stale.release([held[1]!])).toEqual([held[1]]);
    expect(await stale.extend!(held)).toEqual(held);
    expect(await fresh.extend!(taken)).toEqual([]);
    expect(await fresh.ack(taken)).toEqual([]);

    // Awake again, it takes part as before.
    await broker.publish('q', messages(1));
    const again = await stale.receive(1, soon());
    expect(again[0]?.redelivered).toBe(0);
    expect(await stale.extend!(again)).toEqual([]);
    expect(await stale.ack([...held, ...again])).toEqual(held);
  });

  it('that is renewed holds for as long as it takes', async () => {
    const { clock, stale, held, fresh } = await frozen();
    const stop = new AbortController();
    const receiving = fresh.receive(10, stop.signal);
    for (let beat = 0; beat < 6; beat++) {
      await clock.advance(lease / 2);
      expect(await stale.extend!(held)).toEqual([]);
    }
    stop.abort();
    expect(await receiving).toEqual([]);
    expect(await stale.ack(held)).toEqual([]);
  });

  it.each([-3_600_000, 3_600_000])('does not depend on wall clocks: one is %i ms off', async (shift) => {
    const { clock, stale, held } = await frozen();
    const shifted = new ManualClock();
    shifted.set(shifted.now() + shift);
    const other = await (await open({}, shifted)).subscribe('q', { prefetch: 10, lease });
    const stop = new AbortController();
    const receiving = other.receive(10, stop.signal);
    for (let beat = 0; beat < 8; beat++) {
      await Promise.all([clock.advance(lease / 3), shifted.advance(lease / 3)]);
      expect(await stale.extend!(held)).toEqual([]);
    }
    stop.abort();
    expect(await receiving).toEqual([]);
    expect(await stale.ack(held)).toEqual([]);
  });

  it('is not taken from a process by itself when it was held up', async () => {
    newFile();
    const manual = new ManualClock();
    let skipped = 0;
    const clock: Clock = {
      now: () => manual.now() + skipped,
      monotonic: () => manual.monotonic() + skipped,
      sleep: (ms, signal) => manual.sleep(ms, signal),
      after: (ms, run) => manual.after(ms, run),
      every: (ms, tick) => manual.every(ms, tick),
    };
    const broker = await open({}, clock);
    const holder = await broker.subscribe('q', { prefetch: 10, lease });
    const receiver = await broker.subscribe('q', { prefetch: 10, lease });
    await broker.publish('q', messages(1));
    const held = await holder.receive(1, soon());
    const stop = new AbortController();

    skipped += lease * 2;
    const receiving = receiver.receive(1, stop.signal);
    await manual.advance(1);
    expect(await holder.extend!(held)).toEqual([]);
    await manual.advance(lease / 2);
    stop.abort();
    expect(await receiving).toEqual([]);
    expect(await holder.ack(held)).toEqual([]);
  });

  it('is not taken from one who could not write for as long, as nobody could', async () => {
    newFile();
    const clock = new ManualClock();
    const owner = await (await open({ busyTimeout: 0 }, clock)).subscribe('q', { prefetch: 10, lease: 9000 });
    const broker = await open({ busyTimeout: 0 }, clock);
    const other = await broker.subscribe('q', { prefetch: 10, lease: 9000 });
    await broker.publish('q', messages(2));
    const held = await owner.receive(2, soon());
    /** A second goes by; the other one looks and, in every third, both give a sign of life. */
    const second = async (n: number): Promise<void> => {
      await clock.advance(1000);
      const seen = await other.receive(10, now()).catch(() => []);
      expect(seen).toEqual([]);
      if (n % 3 === 0) await Promise.allSettled([owner.extend!(held), other.extend!([])]);
    };

    for (let n = 1; n <= 3; n++) await second(n);
    const backup = raw();
    backup.exec('BEGIN IMMEDIATE');
    for (let n = 4; n <= 16; n++) await second(n);
    backup.exec('COMMIT');
    for (let n = 17; n <= 30; n++) await second(n);
    expect(await owner.ack(held)).toEqual([]);
  });

  it('is not taken from one that slept as long as the others, and wakes a little later', async () => {
    const { clock, stale, held, fresh } = await frozen();
    expect(await fresh.extend!([])).toEqual([]);
    expect(await fresh.receive(10, now())).toEqual([]);
    await clock.leap(lease * 4);
    const stop = new AbortController();
    const receiving = fresh.receive(10, stop.signal);
    await clock.advance(10);
    expect(await fresh.extend!([])).toEqual([]);
    await clock.advance(lease / 10);
    expect(await stale.extend!(held)).toEqual([]);
    await clock.advance(lease / 2);
    stop.abort();
    expect(await receiving).toEqual([]);
    expect(await stale.ack(held)).toEqual([]);
  });

  it('is not lost by a release of before that comes late: what was received again stays in hand', async () => {
    newFile();
    const clock = new ManualClock();
    const handle = new Database(':memory:');
    let busy = false;
    const exec = (sql: string): unknown => {
      if (!busy || sql !== 'BEGIN IMMEDIATE') return handle.exec(sql);
      throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
    };
    const broker = await open({ database: { ...likeNode(handle), exec } }, clock);
    const subscription = await broker.subscribe('q', { prefetch: 10, lease });
    await broker.publish('q', messages(1));
    const first = await subscription.receive(1, soon());
    busy = true;
    const late = subscription.release(first);
    await clock.advance(0);
    busy = false;
    expect(await subscription.release(first)).toEqual([]);
    const again = await subscription.receive(1, soon());
    expect(texts(again)).toEqual(['m0']);
    await clock.advance(100);
    expect(await late).toEqual(first);
    const other = await broker.subscribe('q', { prefetch: 10, lease });
    expect(await other.receive(1, now())).toEqual([]);
    expect(await subscription.ack(first)).toEqual(first);
    expect(await subscription.ack(again)).toEqual([]);
  });
});

describe('waiting', () => {
  it('ends at the moment when a delayed message of another process falls due', async () => {
    newFile();
    const clock = new ManualClock();
    const subscription = await (await open({}, clock)).subscribe('q', { prefetch: 1, lease: 60_000 });
    await (await open({}, clock)).publish('q', [message('later', { delay: 777 })]);
    const receiving = subscription.receive(1, soon()).then((taken) => [...texts(taken), clock.monotonic()]);
    await clock.advance(4000);
    expect(await receiving).toEqual(['later', 777]);
  });

  it('leaves no timer behind', async () => {
    newFile();
    const clock = new ManualClock();
    const broker = await open({}, clock);
    const subscription = await broker.subscribe('q', { prefetch: 1, lease: 60_000 });
    const receiving = subscription.receive(1, soon());
    await clock.advance(10);
    await broker.close();
    expect(await receiving).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(await codeOf(subscription.receive(1, soon()))).toBe('FUNQ_SQLITE_CLOSED');
  });

  it('for a lock blocks the event loop for a part of the time only, however many wait', async () => {
    newFile();
    const clock = new ManualClock();
    const handle = new Database(':memory:');
    let locked = false;
    let patience = 0;
    let blocked = 0;
    const exec = (sql: string): unknown => {
      patience = Number(/busy_timeout = (\d+)/.exec(sql)?.[1] ?? patience);
      if (!locked || sql !== 'BEGIN IMMEDIATE') return handle.exec(sql);
      blocked += patience;
      throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
    };
    const broker = await open({ database: { ...likeNode(handle), exec } }, clock);
    locked = true;
    const publishing = Array.from({ length: 30 }, () => broker.publish('q', messages(1)));
    await clock.advance(1000);
    expect(blocked).toBeGreaterThan(100);
    expect(blocked).toBeLessThanOrEqual(520);
    locked = false;
    await clock.advance(100);
    expect((await Promise.all(publishing)).flat()).toEqual([]);
    expect(await broker.count!('q')).toBe(30);
  });

  it('lets timers and sockets have their turn on a busy queue', async () => {
    newFile();
    const broker = await open();
    const subscription = await broker.subscribe('q', { prefetch: 1, lease: 60_000 });
    let fired = false;
    system.after(1, () => (fired = true));
    for (let n = 0; n < 2000 && !fired; n++) {
      await broker.publish('q', messages(1));
      await subscription.ack(await subscription.receive(1, soon()));
    }
    expect(fired).toBe(true);
  });
});

describe('the file', () => {
  it('is made with its folders, and keeps what was published', async () => {
    newFile();
    const first = await open();
    await first.publish('q', [message('kept', { priority: 3, delay: 1 })]);
    await first.close();
    const [taken] = await take(await (await open()).subscribe('q', { prefetch: 1, lease: 60_000 }), 1);
    expect(texts([taken!])).toEqual(['kept']);
  });

  it.each([
    [
      'not a database',
      'FUNQ_SQLITE_FOREIGN',
      () => writeFileSync(file, 'plain text, which is long enough. '.repeat(100)),
    ],
    ['of another program', 'FUNQ_SQLITE_FOREIGN', () => raw().exec('CREATE TABLE theirs (a)')],
    ['of a newer release', 'FUNQ_SQLITE_NEWER', () => raw().exec('PRAGMA user_version = 99')],
  ])('is refused and left alone when it is %s', async (_, code, spoil) => {
    newFile();
    if (code === 'FUNQ_SQLITE_NEWER') await (await open()).close();
    else await open({ file: join(file, '..', 'neighbour.db') });
    spoil();
    const before = readFileSync(file);
    for (const backend of [sqlite({ file }), sqliteCoordination({ file }), sqliteResults({ file })]) {
      await expect(backend.connect({ clock: system })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(file) as unknown,
      });
    }
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('is not taken for foreign while another process is just making it', async () => {
    newFile();
    await (await open({ file: join(file, '..', 'neighbour.db') })).close();
    raw().exec('PRAGMA journal_mode = WAL');
    const own = openHandle(file);
    endings.push(() => own.close());
    let made = false;
    const database: SqliteHandle = {
      exec: (sql) => own.exec(sql),
      close: () => undefined,
      prepare(sql) {
        if (sql === 'PRAGMA user_version' && !made) {
          made = true;
          raw().exec('CREATE TABLE funq_theirs (a); PRAGMA application_id = 0x66756e71; PRAGMA user_version = 1');
        }
        return own.prepare(sql);
      },
    };
    const broker = await open({ database });
    expect(made).toBe(true);
    expect(await broker.count!('q')).toBe(0);
  });

  it('may be closed and connected again while it is still being opened, also when that fails', async () => {
    newFile();
    await (await open()).close();
    const clock = new ManualClock();
    const broker = sqlite({ file, busyTimeout: 60 });
    endings.push(() => broker.close());
    const other = raw();
    other.exec('BEGIN IMMEDIATE');
    const failing = codeOf(broker.connect({ clock }));
    const closing = broker.close();
    await clock.advance(50);
    const connecting = broker.connect({ clock });
    await clock.advance(49);
    expect(await failing).toBe('FUNQ_SQLITE_BUSY');
    await closing;
    other.exec('COMMIT');
    await clock.advance(60);
    await connecting;
    expect(await broker.publish('q', messages(1))).toEqual([]);
  });

  it("that can't be opened is named", async () => {
    const broken = sqlite({ file: folder });
    await expect(broken.connect({ clock: system })).rejects.toMatchObject({
      code: 'FUNQ_SQLITE_OPEN',
      message: expect.stringContaining(folder) as unknown,
    });
    expect(await codeOf(sqlite({ file: '' }).connect({ clock: system }))).toBe('FUNQ_SQLITE_OPEN');
    expect(await codeOf(broken.publish('q', messages(1)))).toBe('FUNQ_SQLITE_CLOSED');
  });

  it.skipIf(process.platform === 'win32').each([
    ['deleted', () => undefined],
    ['replaced', () => writeFileSync(file, '')],
  ])('that was %s meanwhile is told, and the one that stands there now is opened', async (_, replace) => {
    newFile();
    const clock = new ManualClock();
    const broker = await open({}, clock);
    const results = sqliteResults({ file });
    await results.connect({ clock });
    endings.push(() => results.close());
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 60_000 });
    await broker.publish('q', messages(2));
    const held = await subscription.receive(1, soon());
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`);
    replace();
    await clock.advance(1000);

    await expect(broker.publish('q', messages(1))).rejects.toMatchObject({
      code: 'FUNQ_SQLITE_MOVED',
      message: expect.stringContaining(file) as unknown,
    });
    expect(await codeOf(results.find('r'))).toBe('FUNQ_SQLITE_MOVED');
    await Promise.all([broker.publish('q', [message('new')]), broker.publish('q', [message('too')])]);
    await results.save([result('r')]);
    for (const late of [subscription.receive(1, soon()), subscription.ack(held), subscription.extend!(held)])
      expect(await codeOf(late)).toBe('FUNQ_SQLITE_MOVED');

    const other = await open({}, clock);
    expect(await other.count!('q')).toBe(2);
    const fresh = await broker.subscribe('q', { prefetch: 10, lease: 60_000 });
    const taken = await fresh.receive(10, soon());
    expect(texts(taken)).toEqual(['new', 'too']);
    expect(await fresh.ack(taken)).toEqual([]);
    await subscription.close().catch(() => undefined);
    await broker.close();
    expect(raw().prepare('SELECT id FROM funq_results').all()).toEqual([{ id: 'r' }]);
  });

  it('may be memory, which nobody shares', async () => {
    const broker = await open({ file: ':memory:' });
    expect(broker.features).toMatchObject({ durable: false, shared: false, redelivery: 'counted' });
    await broker.publish('q', messages(2));
    const subscription = await broker.subscribe('q', { prefetch: 2, lease: 60_000 });
    expect(await subscription.ack(await take(subscription, 2))).toEqual([]);
    expect(sqliteResults({ file: ':memory:' })).toMatchObject({ durable: false, shared: false });
  });

  it('serves broker and stores together', async () => {
    newFile();
    const broker = await open();
    const coordination = sqliteCoordination({ file });
    const results = sqliteResults({ file });
    for (const store of [coordination, results]) {
      await store.connect({ clock: system });
      endings.push(() => store.close());
    }
    await broker.publish('q', messages(1));
    expect(await coordination.claim('k', 'me', 1000)).toEqual({ state: 'claimed' });
    expect(await results.save([result('r')])).toEqual([]);
    expect(await broker.count!('q')).toBe(1);
  });
});

describe('the driver', () => {
  const hasOwn = process.getBuiltinModule?.('node:sqlite') !== undefined;

  it.skipIf(hasOwn)('that is missing is asked for when it is needed, not before', async () => {
    newFile();
    const bare = buildInto(join(folder, 'bare'), false);
    const child = new Child(bare, 'publish', file, 'q', '10');
    const [said] = await child.ended();
    expect(said).toMatch(/^FUNQ_SQLITE_DRIVER .*libsql.*queues\.db.*npm install libsql/);
  });

  it('may be a database that is open already, which stays open', async () => {
    newFile();
    const handle = new Database(':memory:');
    const broker = sqlite({ file, database: handle });
    await broker.connect({ clock: system });
    await broker.publish('q', messages(1));
    await broker.close();
    expect(handle.prepare('SELECT count(*) AS n FROM funq_tasks').all([])).toEqual([{ n: 1 }]);
  });

  it("may be Node's own, which takes parameters one by one", async () => {
    const broker = await open({ file: ':memory:', database: likeNode(new Database(':memory:')) });
    await broker.publish('q', messages(40));
    const subscription = await broker.subscribe('q', { prefetch: 40, lease: 60_000 });
    const taken = await take(subscription, 40);
    expect(texts(taken)).toEqual(texts(messages(40).map(({ body }) => ({ body, receipt: 0, redelivered: 0 }))));
    expect(await subscription.ack(taken)).toEqual([]);
    expect(await subscription.ack(taken)).toEqual(taken);
  });

  it('may give whole numbers as BigInt', async () => {
    newFile();
    const handle = new Database(':memory:');
    handle.defaultSafeIntegers(true);
    const broker = await open({ database: handle });
    const store = sqliteCoordination({ file, database: handle });
    await store.connect({ clock: system });
    await broker.publish('q', [message('a'), message('b', { delay: 1 })]);
    const subscription = await broker.subscribe('q', { prefetch: 2, lease: 60_000 });
    const taken = await take(subscription, 2);
    expect(taken.map(({ redelivered }) => redelivered)).toEqual([0, 0]);
    expect(await subscription.extend!(taken)).toEqual([]);
    expect(await subscription.ack(taken)).toEqual([]);
    expect(await broker.count!('q')).toBe(0);
    await store.confirm('k', 'me');
    expect(await store.claim('k', 'me', 1000)).toEqual({ state: 'done', own: true });
  });

  it('keeps strings and bytes whole', async () => {
    newFile();
    const broker = await open();
    const bodies = [Buffer.alloc(0), Buffer.alloc(2 ** 20, 7), Buffer.from([0xff, 0xfe, 0x00, 0xc0])];
    const queue = 'q\0one';
    await broker.publish('q', messages(1));
    await broker.publish(
      queue,
      bodies.map((body) => ({ id: 'b', body })),
    );
    expect(await broker.count!(queue)).toBe(3);
    const taken = await take(await broker.subscribe(queue, { prefetch: 3, lease: 60_000 }), 3);
    expect(taken.every(({ body }, index) => Buffer.from(body).equals(bodies[index]!))).toBe(true);
  });

  it('never sees a value that would end the process: only that message is refused', async () => {
    newFile();
    const broker = await open();
    const bad = { id: 'bad', body: { length: 1 } as unknown as Uint8Array };
    const failures = await broker.publish('q', [...messages(20), bad, ...messages(20)]);
    expect(failures).toEqual([{ index: 20, error: expect.any(TypeError) as unknown }]);
    expect(await broker.count!('q')).toBe(40);
  });

  it('a message that is refused does not make a good one of the same id a repeat', async () => {
    newFile();
    const broker = await open();
    const bad = { id: 'tick', unique: 60_000, body: { length: 1 } as unknown as Uint8Array };
    const tick = (text: string): Outgoing => ({ id: 'tick', unique: 60_000, body: Buffer.from(text) });
    const failures = await broker.publish('q', [message('a'), bad, tick('first'), bad, tick('second')]);
    const told = failures.map(({ index, repeated = false }) => ({ index, repeated }));
    expect(told.toSorted((a, b) => a.index - b.index)).toEqual([
      { index: 1, repeated: false },
      { index: 3, repeated: true },
      { index: 4, repeated: true },
    ]);
    const taken = await take(await broker.subscribe('q', { prefetch: 9, lease: 60_000 }), 2);
    expect(texts(taken)).toEqual(['a', 'first']);
  });
});

describe('the table of tasks', () => {
  it('is never scanned or sorted', async () => {
    newFile();
    const handle = new Database(':memory:');
    const statements = new Set<string>();
    const broker = await open({
      database: { ...likeNode(handle), prepare: (sql) => (statements.add(sql), likeNode(handle).prepare(sql)) },
    });
    await broker.publish('q', [message('a'), message('b', { delay: 5, ttl: 5 })]);
    const plans = [...statements]
      .filter((sql) => sql.includes('funq_tasks') && !sql.startsWith('INSERT'))
      .flatMap((sql) => handle.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([]) as { detail: string }[])
      .map(({ detail }) => detail);
    expect(plans.length).toBeGreaterThan(10);
    expect(plans.filter((detail) => /SCAN funq_tasks|TEMP B-TREE/.test(detail))).toEqual([]);
  });

  it('does not slow claims down when much is delayed, expired or held', async () => {
    newFile();
    const clock = new ManualClock();
    const broker = await open({}, clock);
    await broker.publish(
      'q',
      Array.from({ length: 2500 }, () => message('old', { ttl: 10 })),
    );
    await broker.publish(
      'other',
      Array.from({ length: 100 }, () => message('old', { ttl: 10 })),
    );
    await broker.publish('q', [message('late', { delay: 1000 }), message('new')]);
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 60_000 });
    await clock.advance(10);
    expect(await broker.count!('q')).toBe(1);
    expect(texts(await subscription.receive(10, soon()))).toEqual(['new']);
    expect(await broker.purge!('q')).toBe(1);
    expect(await broker.purge!('other')).toBe(0);
  });

  it('is put up with when the disk is full: publishing fails, consuming goes on, space mends it', async () => {
    newFile();
    const handle = new Database(':memory:');
    const broker = await open({ database: handle });
    await broker.publish('q', messages(10));
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 60_000 });
    const taken = await take(subscription, 10);
    handle.exec('PRAGMA max_page_count = 1');
    const large = [message('small'), { id: 'large', body: Buffer.alloc(2 ** 20) }];
    expect(await codeOf(broker.publish('q', large))).toBe('FUNQ_SQLITE_FULL');
    expect(await subscription.ack(taken)).toEqual([]);
    expect(await broker.count!('q')).toBe(0);
    handle.exec('PRAGMA max_page_count = 100000');
    expect(await broker.publish('q', large)).toEqual([]);
  });
});

describe('the stores', () => {
  it('write together what is asked for together, and one that is refused hinders no other', async () => {
    newFile();
    const store = sqliteCoordination({ file });
    await store.connect({ clock: system });
    endings.push(() => store.close());
    const unfit = {} as Uint8Array;
    const outcomes = await Promise.allSettled([
      store.confirm('a', 'me'),
      store.confirm('b', 'me', undefined, unfit),
      store.claim('a', 'other', 1000),
      ...Array.from({ length: 600 }, (_, n) => store.claim(`c${n}`, 'me', 1000)),
    ]);
    expect(outcomes.slice(0, 3)).toMatchObject([
      { value: true },
      { status: 'rejected' },
      { value: { state: 'done', own: false } },
    ]);
    for (const outcome of outcomes.slice(3)) expect(outcome).toMatchObject({ value: { state: 'claimed' } });
  });

  it('agree across connections, and forget what ran out', async () => {
    newFile();
    const clock = new ManualClock();
    const [one, two] = [sqliteCoordination({ file }), sqliteCoordination({ file })] as const;
    for (const store of [one, two]) {
      await store.connect({ clock });
      endings.push(() => store.close());
    }
    expect(await one.claim('k', 'a', 1000)).toEqual({ state: 'claimed' });
    expect(await two.claim('k', 'b', 1000)).toEqual({ state: 'running' });
    expect(await two.confirm('k', 'b')).toBe(false);
    expect(await one.confirm('k', 'a', 500, Buffer.from('value'))).toBe(true);
    expect(await two.claim('k', 'b', 1000)).toEqual({
      state: 'done',
      own: false,
      value: new Uint8Array(Buffer.from('value')),
    });
    await clock.advance(499);
    expect(await two.claim('k', 'b', 1000)).toMatchObject({ state: 'done' });
    await clock.advance(1);
    for (let key = 0; key < 30; key++) await one.claim(`other${key}`, 'a', 10);
    await clock.advance(10);
    for (let key = 0; key < 10; key++) {
      await two.claim(`more${key}`, 'a', 10);
      await clock.advance(1);
    }
    expect(raw().prepare('SELECT count(*) AS n FROM funq_filter').all()).toMatchObject([{ n: 10 }]);
  });

  it('keep the rate across connections, and no longer than reserved when the clock is set back', async () => {
    newFile();
    const clock = new ManualClock();
    const [one, two] = [sqliteCoordination({ file }), sqliteCoordination({ file })] as const;
    for (const store of [one, two]) {
      await store.connect({ clock });
      endings.push(() => store.close());
    }
    const waits = [];
    for (const store of [one, two, one, two]) waits.push(await store.reserve('k', 100, 2, 1));
    expect(waits).toEqual([-100, 0, 100, 200]);
    clock.set(clock.now() - 3_600_000);
    expect(await one.reserve('k', 100, 2, 1)).toBe(300);
  });

  it('save good results beside bad ones, and never replace a later one', async () => {
    newFile();
    const clock = new ManualClock();
    const store = sqliteResults({ file });
    await store.connect({ clock });
    endings.push(() => store.close());
    const circular = { name: 'E', message: 'm' } as Record<string, unknown>;
    circular.cause = circular;
    const failures = await store.save([
      result('a', { finishedAt: 2, value: Buffer.from([0, 255]), unserializable: true }),
      result('b', { error: circular as unknown as TaskResult['error'] }),
      result('c', { finishedAt: Number.NaN }),
      result('d', { finishedAt: 3, expiresAt: clock.now() + 10 }),
    ]);
    expect(failures.map(({ index }) => index)).toEqual([1, 2]);
    await store.save([result('a', { finishedAt: 1, status: 'retrying' })]);
    expect(await store.find('a')).toEqual(
      result('a', { finishedAt: 2, value: new Uint8Array([0, 255]), unserializable: true }),
    );
    expect((await store.query({})).map(({ id }) => id)).toEqual(['d', 'a']);
    await clock.advance(10);
    expect((await store.query({ queue: 'q', status: 'done', from: 0, until: 9 })).map(({ id }) => id)).toEqual(['a']);
    expect(await store.find('d')).toBeUndefined();
  });
});

const result = (id: string, extra: Partial<TaskResult> = {}): TaskResult => ({
  id,
  queue: 'q',
  status: 'done',
  attempts: 1,
  publishedAt: 0,
  startedAt: 1,
  finishedAt: 2,
  host: 'here',
  pid: 1,
  ...extra,
});

/** The shape of `DatabaseSync`: rows without a prototype, bytes as Uint8Array, parameters one by one. */
function likeNode(handle: Libsql.Database): SqliteHandle {
  return {
    exec: (sql) => handle.exec(sql),
    close: () => handle.close(),
    prepare(sql) {
      const statement = handle.prepare(sql);
      const all = (...parameters: unknown[]): unknown[] => {
        expect(parameters.some(Array.isArray)).toBe(false);
        return statement.all(parameters).map((row) => Object.assign(Object.create(null) as object, row));
      };
      return { all, run: (...parameters) => ({ changes: BigInt(statement.run(parameters).changes) }) };
    },
  };
}
