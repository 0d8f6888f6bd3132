import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import {
  brokerConformance,
  conforms,
  coordinationConformance,
  resultConformance,
  type ConformanceCase,
} from 'nestjs-funq/testing';
import type { Broker, Outgoing, Pulse, Subscription } from '../../lib/contracts/broker.js';
import { altered, type Alteration } from './altered.js';
import { DEFECTS } from './broken-brokers.js';
import { COORDINATION_DEFECTS, RESULT_DEFECTS } from './broken-stores.js';
import { WILDCARD_DEFECTS } from './broken-wildcards.js';
import { spreading, type Manner } from './spreading.js';

const hasty = { patience: 1000, tolerance: 300, seed: 1 } as const;
const file = join(tmpdir(), `funq-conformance-${randomUUID()}.db`);
afterAll(() => ['', '-wal', '-shm'].forEach((end) => rmSync(`${file}${end}`, { force: true })));

/** The one case whose name starts so. */
function pick(cases: readonly ConformanceCase[], name: string): ConformanceCase {
  const found = cases.filter((check) => check.name.startsWith(name));
  if (found.length !== 1) throw new Error(`${found.length} cases are named ${name}`);
  return found[0]!;
}

const broker = (alteration: Alteration): ConformanceCase[] =>
  brokerConformance({ ...hasty, lease: false, create: () => altered(memory(), alteration) });

describe('brokerConformance', () => {
  it.concurrent.for(DEFECTS)('finds a broker that $defect', async ({ caught, ...alteration }, { expect }) => {
    const check = pick(broker(alteration), caught);
    expect(check.skip).toBeUndefined();
    await expect(check.run()).rejects.toThrow();
  });

  it.concurrent.for([...new Set(DEFECTS.map(({ caught }) => caught))])(
    'finds nothing in a broker that is altered in nothing: %s',
    (caught) => pick(broker({}), caught).run(),
  );

  it('says what was seen and with which seed', async () => {
    const lossy = DEFECTS.find(({ defect }) => defect.startsWith('loses one released'))!;
    await expect(pick(broker(lossy), 'soak').run()).rejects.toThrow('seed 1: 0 of 1 messages came within 1000 ms');
    await expect(
      pick(broker({ subscription: () => ({ ack: async () => [] }) }), 'ack: nothing').run(),
    ).rejects.toThrow();
  });
});

describe('the cases of wildcards', () => {
  const cases = (manner?: Manner, alteration: Alteration = {}): ConformanceCase[] =>
    brokerConformance({ ...hasty, lease: false, create: () => altered(spreading(memory(), manner), alteration) });

  it.concurrent.for(WILDCARD_DEFECTS)('find a broker that $defect', async ({ caught, manner, ...own }, { expect }) => {
    const check = pick(cases(manner, own), caught);
    expect(check.skip).toBeUndefined();
    await expect(check.run()).rejects.toThrow();
  });

  it.concurrent.for([...new Set(WILDCARD_DEFECTS.map(({ caught }) => caught))])(
    'find nothing in a broker that is altered in nothing: %s',
    (caught) => pick(cases(), caught).run(),
  );
});

describe('the cases of leases', () => {
  const leased = (subscription: Alteration['subscription'], name: string): ConformanceCase =>
    pick(
      brokerConformance({
        ...hasty,
        patience: 2500,
        lease: 600,
        create: () => altered(sqlite({ file: ':memory:' }), { subscription }),
      }),
      name,
    );
  it.concurrent.for<[string, string, Alteration['subscription']]>([
    ['extends nothing', 'lease: extend keeps deliveries', () => ({ extend: async () => [] })],
    [
      'never lets a lease run out',
      'lease: a silent owner',
      (inner) => {
        const held: Parameters<Subscription['ack']>[0][number][] = [];
        const timer = setInterval(() => void inner.extend?.(held).catch(() => {}), 100);
        return {
          async receive(max, signal) {
            const deliveries = await inner.receive(max, signal);
            held.push(...deliveries);
            return deliveries;
          },
          async close() {
            clearInterval(timer);
            await inner.close();
          },
        };
      },
    ],
    [
      'accepts a late ack',
      'lease: a late ack',
      (inner) => ({ ack: (deliveries) => inner.ack(deliveries).then(() => []) }),
    ],
    [
      'does not tell what is lost',
      'lease: extend names',
      (inner) => ({ extend: (deliveries) => inner.extend!(deliveries).then(() => []) }),
    ],
    [
      'rejects a sign of life without deliveries',
      'lease: extend with nothing',
      (inner) => ({
        extend: async (held) => (held.length > 0 ? inner.extend!(held) : Promise.reject(new Error('empty'))),
      }),
    ],
  ])('find a broker that %s', async ([, caught, subscription], { expect }) => {
    await expect(leased(subscription, caught).run()).rejects.toThrow();
  });

  it('find a broker that hides its leases, and one that has none', async () => {
    const hidden = brokerConformance({ ...hasty, lease: false, create: () => sqlite({ file: ':memory:' }) });
    await expect(pick(hidden, 'lease: a subscription without').run()).rejects.toThrow('tell the suite the lease');
    const none = brokerConformance({ ...hasty, create: memory });
    await expect(pick(none, 'lease: a silent owner').run()).rejects.toThrow('there must be `extend`');
  });
});

describe('the cases of pulses', () => {
  const folder = mkdtempSync(join(tmpdir(), 'funq-pulses-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const module = new URL('broken-pulses.mjs', import.meta.url).href;
  /** Each on a file of its own: what one broken pulse does must not show in another case. */
  const beating = (change: (file: string) => Alteration, name: string, pulse = true): ConformanceCase => {
    const own = join(folder, `${randomUUID()}.db`);
    const create = (): Broker => altered(sqlite({ file: own }), change(own));
    return pick(brokerConformance({ ...hasty, patience: 2500, lease: 600, pulse, create }), name);
  };
  const leading =
    (data: object) =>
    (file: string): Alteration => ({
      subscription: (inner) => ({ pulse: { source: { module, data: { file, ...data } }, id: inner.pulse!.id } }),
    });
  const given = (pulse: (inner: Subscription) => Pulse | undefined) => (): Alteration => ({
    subscription: (inner) => ({ pulse: pulse(inner) }) as Partial<Subscription>,
  });

  it.concurrent.for<[string, string, (file: string) => Alteration, RegExp]>([
    ['does nothing', 'pulse: keeps', leading({ defect: 'silent' }), /nothing more must come|nothing was lost/],
    ['is no data', 'pulse: keeps', leading({ defect: () => 'silent' }), /could not be cloned/],
    ['brings back what was lost', 'pulse: does not', leading({ defect: 'greedy' }), /the other one’s|must name/],
    [
      'is the first one for ever',
      'pulse: the one after',
      given((inner) => inner.pulse),
      /nothing more must come|look at `pulse` again/,
    ],
    ['is not there', 'pulse: keeps', given(() => undefined), /there is none/],
  ])('find one that %s', async ([, name, change, message], { expect }) => {
    await expect(beating(change, name).run()).rejects.toThrow(message);
  });

  it('find one that the suite was not told of', async () => {
    const hidden = beating(() => ({}), 'pulse: a subscription that', false);
    await expect(hidden.run()).rejects.toThrow('tell the suite of it');
  });

  it.concurrent.for(['pulse: keeps', 'pulse: does not', 'pulse: the one after'])(
    'find nothing in one that is altered in nothing: %s',
    (name) => beating(() => ({}), name).run(),
  );
});

describe('the cases that need something from outside', () => {
  const large: Outgoing = { id: 'large', body: Buffer.alloc(100) };
  const small = (messages: readonly Outgoing[]): Outgoing[] => messages.filter(({ body }) => body.length < 100);
  const refusing = (alteration: Alteration): ConformanceCase =>
    pick(
      brokerConformance({ ...hasty, lease: false, refused: large, create: () => altered(memory(), alteration) }),
      'publish: a refused message',
    );

  it('a refused message: accepts one that is named, finds all or nothing', async () => {
    await refusing({
      broker: (inner) => ({
        async publish(queue, messages) {
          await inner.publish(queue, small(messages));
          return messages.flatMap(({ body }, index) =>
            body.length < 100 ? [] : [{ index, error: new Error('large') }],
          );
        },
      }),
    }).run();
    const whole = refusing({
      broker: (inner) => ({
        async publish(queue, messages) {
          if (small(messages).length < messages.length) throw new Error('large');
          return inner.publish(queue, messages);
        },
      }),
    });
    await expect(whole.run()).rejects.toThrow('large');
    const silent = refusing({ broker: (inner) => ({ publish: (queue, all) => inner.publish(queue, small(all)) }) });
    await expect(silent.run()).rejects.toThrow('only the second message was bad');
  });

  it('a refused message is not remembered: finds a broker that remembers it', async () => {
    const check = (forgets: boolean): ConformanceCase => {
      const create = () =>
        altered(memory(), {
          broker: (inner) => ({
            async publish(queue, messages) {
              const known = await inner.publish(queue, forgets ? small(messages) : messages);
              if (!forgets && small(messages).length < messages.length) {
                await inner.purge?.(queue);
                await inner.publish(queue, small(messages));
              }
              const bad = messages.findIndex(({ body }) => body.length >= 100);
              return bad < 0 ? known : [...known, { index: bad, error: new Error('large') }];
            },
          }),
        });
      return pick(
        brokerConformance({ ...hasty, lease: false, refused: large, create }),
        'unique: a message that was refused',
      );
    };
    await check(true).run();
    await expect(check(false).run()).rejects.toThrow('messages came within');
  });

  it.for([true, false])('a restart: messages kept: %s', async (kept) => {
    let away = false;
    const subscriptions = new Set<Subscription>();
    const failing = <T>(verb: () => Promise<T>): Promise<T> => (away ? Promise.reject(new Error('away')) : verb());
    const create = () =>
      altered(memory(), {
        broker: (inner) => ({
          features: { ...inner.features, durable: true },
          publish: (queue, messages) =>
            failing(async () => {
              if (!kept && subscriptions.size > 0) await inner.purge?.(queue);
              return inner.publish(queue, messages);
            }),
          subscribe: (queue, options) =>
            failing(async () => {
              const subscription = await inner.subscribe(queue, options);
              subscriptions.add(subscription);
              return subscription;
            }),
        }),
      });
    const restart = async (): Promise<void> => {
      away = true;
      for (const subscription of subscriptions) await subscription.close();
      void sleep(300).then(() => (away = false));
    };
    const check = pick(brokerConformance({ ...hasty, patience: 400, lease: false, create, restart }), 'restart');
    if (kept) await check.run();
    else await expect(check.run()).rejects.toThrow('messages came within');
  });

  // Processes need their time to start on a busy machine, so the patience is long and they run one after the other.
  it.for<[string, string, RegExp]>([
    ['eager', 'kill: a process killed in the middle', / of 20 messages came within /],
    ['eager', 'stop: a process', / of 20 messages came within /],
    ['echoing', 'storm', /: acknowledged and still there|: repeated without a reason/],
  ])('workers: find the broker that is %s by %s', { timeout: 60_000 }, async ([broken, name, message], { expect }) => {
    const workers = { module: new URL('broken-workers.mjs', import.meta.url), export: broken, argument: { file } };
    const create = () => sqlite({ file });
    const cases = brokerConformance({ ...hasty, patience: 6000, storm: 200, create, workers });
    await expect(pick(cases, name).run()).rejects.toThrow(message);
  });

  it('are skipped with the reason when it is missing', () => {
    const skipped = (cases: ConformanceCase[]): string[] => cases.flatMap(({ skip }) => skip ?? []);
    expect(new Set(skipped(brokerConformance({ create: memory, lease: false })))).toEqual(
      new Set([
        'no refused message was given',
        'no way to restart was given',
        'not durable',
        'no lease runs down',
        'no wildcards',
        'not both durable and shared',
      ]),
    );
    expect(skipped(brokerConformance({ create: () => sqlite({ file }) }))).toContain('no workers were given');
  });
});

describe('coordinationConformance and resultConformance', () => {
  it.for(COORDINATION_DEFECTS)('find a coordination store that $defect', async ({ caught, change }) => {
    const create = () => {
      const inner = memoryCoordination();
      const verbs = [
        'connect',
        'close',
        'claim',
        'confirm',
        'release',
        'reserve',
        'report',
        'withdraw',
        'list',
        'set',
        'settings',
      ] as const;
      const bound = Object.fromEntries(verbs.map((verb) => [verb, inner[verb].bind(inner)]));
      return { ...inner, ...bound, ...change(inner) } as typeof inner;
    };
    await expect(pick(coordinationConformance({ create, followsClock: true }), caught).run()).rejects.toThrow();
  });

  it.for(RESULT_DEFECTS)('find a result store that $defect', async ({ caught, change }) => {
    const create = () => {
      const inner = memoryResults();
      const verbs = ['connect', 'close', 'save', 'find', 'query'] as const;
      const bound = Object.fromEntries(verbs.map((verb) => [verb, inner[verb].bind(inner)]));
      return { ...inner, ...bound, ...change(inner) } as typeof inner;
    };
    await expect(pick(resultConformance({ create, followsClock: true }), caught).run()).rejects.toThrow();
  });

  it('find nothing in stores that are altered in nothing, nor is any case of a defect skipped', async () => {
    const of = { followsClock: true } as const;
    const coordination = coordinationConformance({ ...of, create: memoryCoordination });
    const results = resultConformance({ ...of, create: memoryResults });
    for (const { caught } of COORDINATION_DEFECTS) expect(pick(coordination, caught).skip).toBeUndefined();
    for (const { caught } of RESULT_DEFECTS) expect(pick(results, caught).skip).toBeUndefined();
    for (const check of [...coordination, ...results]) await check.run();
  });

  describe('in real time', () => {
    for (const check of coordinationConformance({ create: memoryCoordination })) {
      it.concurrent(check.name, check.run, check.timeout);
    }
  });
});

describe('conforms', () => {
  const cases: ConformanceCase[] = [
    { name: 'a', timeout: 5, run: () => Promise.resolve() },
    { name: 'b (skipped: why)', skip: 'why', timeout: 7, run: () => Promise.resolve() },
  ];

  it('hands names, functions and timeouts to the runner, and skips', () => {
    const calls: unknown[] = [];
    const runner = Object.assign((...args: unknown[]) => void calls.push(['it', ...args]), {
      skip: (...args: unknown[]) => void calls.push(['skip', ...args]),
    });
    conforms('x', cases, { describe: (name, body) => (calls.push(['describe', name]), body()), it: runner });
    expect(calls).toEqual([
      ['describe', 'x'],
      ['it', 'a', cases[0]!.run, 5],
      ['skip', 'b (skipped: why)', cases[1]!.run],
    ]);
  });

  it('tells Mocha the timeout in its way', () => {
    const limits: number[] = [];
    const runner = Object.assign(() => ({ timeout: (ms: number) => limits.push(ms) }), { skip: () => {} });
    conforms('x', cases, { describe: (_, body) => body(), it: runner });
    expect(limits).toEqual([5]);
  });
});
