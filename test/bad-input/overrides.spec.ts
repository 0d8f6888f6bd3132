import { Injectable } from '@nestjs/common';
import {
  Consumer,
  CurrentTask,
  JsonCodec,
  getBrokerToken,
  type Broker,
  type DeadLetter,
  type Envelope,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { describe, expect, it } from 'vitest';
import { faulty } from '../core/faulty-broker.js';
import { boot, turns } from '../nest/support/app.js';
import { bodies, putRaw } from './queues.js';

const codec = new JsonCodec();
const ENVELOPE: Envelope = { v: 1, id: 'a', args: [], publishedAt: 1, attempt: 1 };
const body = (fields: object): string => JSON.stringify({ ...ENVELOPE, ...fields });

@Injectable()
class Service {
  runs = 0;

  @Consumer({ queue: 'work', retry: { times: 1, when: () => true } })
  run(@CurrentTask() task: Task): unknown {
    this.runs++;
    if (task.headers['fail']) throw new Error('asked to');
    return task.policy;
  }
}

async function start(): Promise<{
  send(fields: object): Promise<void>;
  service: Service;
  events: Awaited<ReturnType<typeof boot>>['events'];
  published: string[];
  broker: Broker;
  letters(queue?: string): Promise<DeadLetter[]>;
}> {
  const published: string[] = [];
  const queues = memory();
  const broker = faulty(queues, {
    publish: async (next, queue, messages) => {
      published.push(...messages.map(() => queue));
      return next(queue, messages);
    },
  });
  const { app, events } = await boot({ providers: [Service] }, { brokers: { default: broker } });
  return {
    send: async (fields) => {
      published.length = 0;
      await putRaw(queues, 'work', [body(fields)]);
    },
    service: app.get(Service),
    events,
    published,
    broker,
    letters: async (queue = 'work.dead') => (await bodies(queues, queue)).map((each) => codec.decodeDeadLetter(each)),
  };
}

describe('a task of a foreign producer', () => {
  const bad: readonly (readonly [string, object])[] = [
    ['retri', { retri: 3 }],
    ['constructor', { constructor: 1 }],
    ['toString', { toString: 1 }],
    ['queue', { queue: 'other' }],
    ['broker', { broker: 'other' }],
    ['concurrency', { concurrency: 1 }],
    ['schema', { schema: {} }],
    ['window', { window: { allow: '00:00-24:00' } }],
    ['rate', { rate: -1 }],
    ['rate', { rate: '30' }],
    ['rate', { rate: true }],
    ['rate', { rate: null }],
    ['rate: starts', { rate: { starts: 0 } }],
    ['rate: key', { rate: { starts: 1, key: 'args => 1' } }],
    ['rate: scope', { rate: { starts: 1, scope: 'planet' } }],
    ['retry', { retry: 1001 }],
    ['retry', { retry: -1 }],
    ['retry', { retry: 1.5 }],
    ['retry', { retry: '3' }],
    ['retry', { retry: [3] }],
    ['retry: times', { retry: {} }],
    ['retry: delay', { retry: { times: 1, delay: 'soon' } }],
    ['retry: when', { retry: { times: 1, when: 'always' } }],
    ['retry: max', { retry: { times: 1, max: -1 } }],
    ['timeout', { timeout: 'never' }],
    ['timeout', { timeout: -5 }],
    ['timeout', { timeout: null }],
    ['timeout', { timeout: {} }],
    ['timeout', { timeout: 1e300 }],
    ['expire', { expire: '1 day' }],
    ['filter', { filter: 'yes' }],
    ['filter: ttl', { filter: { ttl: '-1s' } }],
    ['filter: reply', { filter: { reply: 'fresh' } }],
    ['persist', { persist: 'everything' }],
    ['persist: result', { persist: { result: 'yes' } }],
    ['deadLetter', { deadLetter: 'a b' }],
    ['deadLetter', { deadLetter: '../etc' }],
    ['deadLetter', { deadLetter: 5 }],
    ['deadLetter', { deadLetter: null }],
    ['deadLetter', { deadLetter: 'work' }],
    ['maxDeliveries', { maxDeliveries: 0 }],
    ['maxDeliveries', { maxDeliveries: '5' }],
  ];

  it.each(bad)('with a bad option %s: %o goes to the dead letters, which name it', async (option, options) => {
    const { send, events, service, letters } = await start();
    const dead = events.next('dead');
    await send({ options });
    await dead;
    const [letter] = await letters();
    expect(letter).toMatchObject({
      code: 'refused',
      queue: 'work',
      reason: expect.stringContaining(`task for work: ${option}`),
    });
    expect(Buffer.from(letter!.raw!, 'base64').toString()).toBe(body({ options }));
    expect(service.runs).toBe(0);
  });

  it.each([
    ['none', {}, { retry: { times: 1 }, timeout: undefined }],
    ['retry off', { retry: 0 }, { retry: undefined }],
    ['retry off', { retry: false }, { retry: undefined }],
    ['timeout', { timeout: '5s' }, { timeout: 5000 }],
    ['expire', { expire: '3000d' }, { expire: 3000 * 864e5 }],
    ['deadLetter off', { deadLetter: false }, { deadLetter: undefined }],
    ['deadLetter', { deadLetter: 'parked' }, { deadLetter: 'parked' }],
    ['rate', { rate: { starts: 10, per: '1s', burst: 5 } }, { rate: { interval: 100, burst: 5, key: undefined } }],
    ['maxDeliveries', { maxDeliveries: 9 }, { maxDeliveries: 9 }],
  ])('with good options has them: %s', async (_name, options, policy) => {
    const { send, events } = await start();
    const ended = events.next('done');
    await send({ options, publishedAt: Date.now() });
    expect((await ended).value).toMatchObject(policy);
  });

  it.each([[{ filter: true }], [{ filter: { ttl: '1h' } }], [{ rate: { starts: 5, scope: 'shared' } }]])(
    'that asks with %j for a store which is not there dies, and says so',
    async (options) => {
      const { send, events, service } = await start();
      const dead = events.next('dead');
      await send({ options });
      expect((await dead).letter).toMatchObject({ reason: expect.stringMatching(/needs a store.*coordination/) });
      expect(service.runs).toBe(0);
    },
  );

  it('that asks for a record where there is no store for results is done all the same', async () => {
    const { send, events } = await start();
    const ends = Promise.all([events.next('done'), events.next('resultsDropped')]);
    await send({ options: { persist: 'result' } });
    expect((await ends)[1].error).toMatchObject({ code: 'FUNQ_STORE_MISSING' });
  });

  it('answers its caller when its options are refused', async () => {
    const { send, events, published } = await start();
    const dead = events.next('dead');
    await send({ options: { retry: -1 }, reply: { queue: 'funq.replies.0a', call: 'c', until: Date.now() + 1e9 } });
    await dead;
    expect(published.toSorted()).toEqual(['funq.replies.0a', 'work.dead']);
  });

  it('keeps the functions of the consumer, which can not travel', async () => {
    const { send, events, service } = await start();
    const dead = events.next('dead');
    await send({ options: { retry: { times: 2 } }, headers: { fail: 'yes' } });
    expect((await dead).task?.policy.retry?.when).toBeTypeOf('function');
    expect(service.runs).toBe(3);
  });
});

describe('the address for replies of a foreign producer', () => {
  const until = Date.now() + 1e9;
  it.each(['work', 'orders', 'funq', 'funq.repliesx', 'replies', 'work.dead', '__proto__'])(
    'is not written to when it is %s',
    async (queue) => {
      const { send, events, published } = await start();
      for (const headers of [{}, { fail: 'yes' }]) {
        const ended = Promise.race([events.next('done'), events.next('dead')]);
        await send({ reply: { queue, call: 'c', until }, headers, options: { deadLetter: 'parked' } });
        await ended;
        await turns();
      }
      expect(published.filter((name) => name !== 'parked')).toEqual([]);
    },
  );

  it.each(['', 'a b', '*', 'funq.replies.>', 'funq.replies.{a}', 'funq.replies.\n', `funq.replies.${'x'.repeat(200)}`, 'funq.replies.ü'])(
    'makes the message unreadable when it is %j',
    async (queue) => {
      const { send, events, published, service } = await start();
      const dead = events.next('dead');
      await send({ reply: { queue, call: 'c', until } });
      expect((await dead).letter.code).toBe('undecodable');
      expect(published).toEqual(['work.dead']);
      expect(service.runs).toBe(0);
    },
  ); // prettier-ignore

  it('is written to once when it is one, and not when nobody waits any more', async () => {
    const { send, events, published } = await start();
    for (const [reply, expected] of [
      [{ queue: 'funq.replies.0a', call: 'c', until }, ['funq.replies.0a']],
      [{ queue: 'funq.replies.0a', call: 'c', until: 1 }, []],
    ] as const) {
      const ended = events.next('done');
      await send({ reply });
      await ended;
      expect(published).toEqual(expected);
    }
  });
});

describe('the headers of a foreign producer', () => {
  it.each([[{ a: 1 }], [{ a: null }], [{ a: ['x'] }], [{ a: { b: 'c' } }], [['a', 'b']], ['a=b'], [7]])(
    '%j make the message unreadable',
    async (headers) => {
      const { send, events, service } = await start();
      const dead = events.next('dead');
      await send({ headers });
      expect((await dead).letter.code).toBe('undecodable');
      expect(service.runs).toBe(0);
    },
  );
});

describe('the id of a task', () => {
  const ids = [
    'a', '0', 'order-17', 'x'.repeat(200), 'with space', 'größe', '数据', '🧵', '__proto__', 'constructor', 'toString', '../../etc/passwd', '"quoted"',
    "Robert'); DROP TABLE tasks;--", '{tag}', '*', '>', '$where', 'a/b\\c', 'null', '%00', '<script>',
  ]; // prettier-ignore

  it.each(ids)('may be %j', async (id) => {
    const { app, events, funq } = await boot({ providers: [Service] });
    const done = events.next('done');
    await expect(funq.publish('work', [], { id })).resolves.toBe(id);
    expect((await done).task.id).toBe(id);
    const dead = events.next('dead');
    await funq.publish('work', [], { id, headers: { fail: 'yes' } });
    expect((await dead).letter.envelope?.id).toBe(id);
    expect(await app.get<Broker>(getBrokerToken()).count!('work.dead')).toBe(1);
  });

  it.each(['', 'x'.repeat(201), '🧵'.repeat(101), 'line\nbreak', 'tab\t', '\0', '\u0085', 'half \ud800', 5, null, {}, ['a'], Symbol('a')])(
    'must not be %s',
    async (id) => {
      const { funq } = await boot({ providers: [Service] });
      await expect(funq.publish('work', [], { id: id as string })).rejects.toMatchObject({
        code: 'FUNQ_OPTION_INVALID',
        message: expect.stringMatching(/^task for work: id is /),
      });
    },
  ); // prettier-ignore
});
