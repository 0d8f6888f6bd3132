import { Injectable } from '@nestjs/common';
import { Consumer, getBrokerToken, type Broker, type FunqPublisher, type PublishOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { faulty } from '../core/faulty-broker.js';
import { boot, type Booted } from '../nest/support/app.js';

@Injectable()
class Service {
  @Consumer('work')
  run(value: unknown): unknown {
    return value;
  }
}

const NEVER = [null, NaN, true, -1, [], () => 1, Symbol('s'), 5n, Infinity, {}] as const;

/** Every option of a publish with values that can't work. */
const BAD: Record<string, readonly unknown[]> = {
  id: [...NEVER, '', 'x'.repeat(201), 'a\nb', '\ud800'],
  delay: [...NEVER, 'soon', '10', '1 s', '36601d', '-1s'],
  priority: [...NEVER, '5', 256, 1.5],
  key: [...NEVER, '', 'x'.repeat(201), '\0'],
  headers: [
    null, NaN, true, -1, [], ['a'], () => 1, Symbol('s'), 5n, 'a=b', { a: 1 }, { a: null }, { a: undefined }, { a: ['b'] }, new Map([['a', 'b']]),
    new Headers({ a: 'b' }), new URLSearchParams('a=b'), new Date(), JSON.parse('{"__proto__":"x"}'),
  ],
  broker: [...NEVER, '', 'x'.repeat(201)],
  replyTimeout: [...NEVER, 0, 'soon', '36601d'],
  rate: [...NEVER, '30', { starts: 0 }, { starts: 1, key: () => 'a' }],
  retry: [...NEVER, '3', 1001, { times: 1, when: () => true }, { times: 1, delay: 'soon' }],
  timeout: [...NEVER, 'x', '0.5ms'],
  filter: [null, NaN, -1, [], () => 1, 'yes', { key: () => 'a' }, { ttl: 0.5 }],
  expire: [...NEVER, 'x'],
  persist: [null, NaN, true, -1, [], () => 1, 'x', { result: 5n }, { result: 'yes' }, { ttl: 'x' }],
  deadLetter: [null, NaN, -1, [], () => 1, 'a b', '', 'work', {}],
  maxDeliveries: [...NEVER, 0, 101],
  queue: ['other'],
  concurrency: [5],
  schema: [{}],
  retri: [3],
  replyTimeOut: ['1s'],
  '': [1],
}; // prettier-ignore

const table = Object.entries(BAD).flatMap(([option, values]) => values.map((value) => ({ option, value })));

describe('a publish', () => {
  let booted: Booted;
  let broker: Broker;
  let funq: FunqPublisher;
  beforeEach(async () => {
    booted = await boot({ providers: [Service] }, { consume: false });
    broker = booted.app.get<Broker>(getBrokerToken());
    ({ funq } = booted);
  });
  const published = (): Promise<number> => broker.count!('work');

  it.each(table)('with $option: $value is refused, by every way', async ({ option, value }) => {
    const options = { [option]: value } as PublishOptions;
    const ways = [
      () => funq.publish('work', [], options),
      () => funq.to(Service, options).run(1),
      () => funq.ask('work', [], options),
      () => funq.ask(Service, options).run(1),
    ];
    for (const way of ways) {
      const error: unknown = await way().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: expect.stringMatching(/^FUNQ_(OPTION_INVALID|QUEUE_NAME)$/) });
      expect((error as Error).message.startsWith(`task for work: ${option}`)).toBe(true);
      expect((error as Error).message.length).toBeLessThan(500);
    }
    const many: unknown = await funq.publishMany('work', [[1]], options).catch((reason: unknown) => reason);
    expect(many).toMatchObject({ message: expect.stringContaining(`task for work: ${option}`) });
    expect(await published()).toBe(0);
  });

  it.each([null, 5, 'x', true, [], () => 1])('with options that are %o is refused', async (options) => {
    await expect(funq.publish('work', [], options as PublishOptions)).rejects.toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
    });
    expect(await published()).toBe(0);
  });

  it.each(['x', 5, null, {}, new Set([1]), true, () => 1, new Uint8Array(1)])(
    'with arguments that are %o is refused',
    async (args) => {
      for (const way of [funq.publish('work', args as unknown[]), funq.publishMany('work', [args as unknown[]])])
        await expect(way).rejects.toMatchObject({
          message: expect.stringContaining("give the arguments as a list: publish('work', [argument])"),
        });
      if (args === null) return; // `ask` takes its place for left out
      await expect(funq.ask('work', args as unknown[])).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
      expect(await published()).toBe(0);
    },
  );

  const names = [
    '', ' ', 'a b', 'a/b', 'a\\b', 'a*', '>', 'a.>', '#', '+', '{a}', 'a,b', "a'b", 'a"b', 'a;b', 'a%', '$SYS', '@a', 'größe', '数据', '🧵', 'a\n', 'a\0',
    '\r\n', 'x'.repeat(129), 'x'.repeat(100_000), null, undefined, 5, {}, [], ['work'], true, Symbol('q'), () => 1, Object.create(null),
  ] as const; // prettier-ignore

  it.each(names)('to a queue named %j is refused', async (name) => {
    const queue = name as string;
    for (const way of [() => funq.publish(queue), () => funq.publishMany(queue, [[]])]) {
      const error: unknown = await way().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'FUNQ_QUEUE_NAME', message: expect.stringMatching(/^publish: /) });
      expect((error as Error).message.length).toBeLessThan(300);
    }
  });

  it.each(['a', 'A.b:c_d-e', '0', '__proto__', 'x'.repeat(128)])('to a queue named %j is stored', async (queue) => {
    await funq.publish(queue);
    expect(await broker.count!(queue)).toBe(1);
  });

  it.each<PublishOptions>([
    { id: 'x'.repeat(200), delay: 0, priority: 0, key: 'k', headers: {}, broker: 'default' },
    { id: undefined, delay: undefined, priority: undefined, headers: undefined, retry: undefined },
    { priority: 255, headers: { a: '', constructor: 'x', 'größe': '数据\n\ud800' } },
    { rate: 0, retry: 0, timeout: 0, filter: false, expire: false, persist: false, deadLetter: false, maxDeliveries: 1 },
    { rate: { starts: 1, per: '1h', burst: 3 }, retry: { times: 3, delay: '1m', factor: 2, max: '1h', jitter: 0.5 }, filter: { ttl: '1h' } },
    { headers: Object.assign(Object.create(null) as object, { a: 'b' }) },
  ])('with %o is stored', async (options) => {
    await funq.publish('work', [], options);
    expect(await published()).toBe(1);
  }); // prettier-ignore

  it('with an id that another one has is a message of its own', async () => {
    const ids: string[] = [];
    const seen = faulty(memory(), {
      publish: async (next, queue, messages) => (ids.push(...messages.map(({ id }) => id)), next(queue, messages)),
    });
    const { funq: other } = await boot({ providers: [Service] }, { brokers: { default: seen }, consume: false });
    for (const value of [1, 2, 2])
      await expect(other.publish('work', [value], { id: 'order-17' })).resolves.toBe('order-17');
    expect(new Set(ids).size).toBe(3);
    expect(await seen.count!('work')).toBe(3);
  });

  it('to a broker that has no such name, delay or priority is refused', async () => {
    await expect(funq.publish('work', [], { broker: 'other' })).rejects.toMatchObject({
      code: 'FUNQ_BROKER_UNKNOWN',
      message: expect.stringContaining("'default'"),
    });
    const plain = memory();
    const simple = { ...plain, features: { ...plain.features, delay: false, priority: false } };
    const { funq: other } = await boot({ providers: [Service] }, { brokers: { default: simple }, consume: false });
    await expect(other.publish('work', [], { delay: 1 })).rejects.toMatchObject({ code: 'FUNQ_DELAY_UNSUPPORTED' });
    await expect(other.publish('work', [], { priority: 1 })).rejects.toMatchObject({
      code: 'FUNQ_FEATURE_UNSUPPORTED',
    });
  });

  it('after the app was closed is refused', async () => {
    await booted.close();
    await expect(funq.publish('work')).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await expect(funq.ask('work')).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
  });
});
