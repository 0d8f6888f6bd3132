import { Consumer, FunqModule, type ConsumerOptions, type FunqOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { describe, expect, it } from 'vitest';
import { boot, refusal, refused } from '../nest/support/app.js';

const NEVER = [null, NaN, true, 'x y', -1, [], () => 1, Symbol('s'), 5n, Infinity] as const;
const without = (...fine: unknown[]): readonly unknown[] => NEVER.filter((value) => !fine.includes(value));
const NO_OBJECT = [null, NaN, 'x y', -1, [], () => 1, Symbol('s'), 5n] as const;

/** Every option of `@Consumer()` with values that can't work; `name` is what the complaint must begin with. */
const BAD: Record<string, readonly unknown[]> = {
  queue: [...NEVER, '', 'x'.repeat(124), 'a b', 'a/b', 'a*', 'a>', '{a}', '#', '$', "a'b", 'ü', 'a\n', '\0', '../a', {}],
  broker: [...without('x y'), '', 'x'.repeat(201), 'a\n'],
  group: [...without('x y'), '', 'x'.repeat(201), '\u0007'],
  concurrency: [...NEVER, 0, 10_001, 1.5, '5', false, {}],
  lease: [...NEVER, 0, 999, '999ms', '2h', '10 s', '10', 's', '', {}],
  priority: [...NEVER, 256, 1.5, '5', {}],
  schema: [...NEVER, {}, { '~standard': {} }, { '~standard': { validate: 1 } }],
  window: [
    ...without(), {}, { allow: [] }, { allow: '' }, { allow: 5 }, { allow: [5] }, { allow: null }, { allow: '25:00-26:00' }, { allow: '08:00-08:00' },
    { allow: '8-18' }, { allow: '08:60-09:00' }, { allow: '00:00-24:01' }, { allow: '* * *' }, { allow: '* * * * * *' }, { allow: '60 * * * *' },
    { allow: '0 0 30 2 *' }, { deny: '0 0 31 4 *' }, { deny: 'never' }, { deny: ['* * * * *', 'x'] }, { allow: '@daily' }, { from: 1 },
    { allow: '08:00-18:00', timeZone: 'Mars/Base' }, { allow: '08:00-18:00', timeZone: 5 }, { allow: '08:00-18:00', timeZone: '' },
    { allow: '08:00-18:00', timeZone: null }, { allow: '08:00-18:00', timezone: 'UTC' },
  ],
  rate: [
    ...without(), '30', 1e6, 1e-9, {}, { starts: 0 }, { starts: '5' }, { starts: 1e10 }, { starts: NaN }, { starts: 1, per: 0 }, { starts: 1, per: 'day' },
    { starts: 1, burst: 0 }, { starts: 1, burst: 1.5 }, { starts: 1, scope: 'planet' }, { starts: 1, scope: null }, { starts: 1, key: 'id' },
    { starts: 1, key: null }, { starts: 1, perSecond: 1 }, { start: 1 },
  ],
  retry: [
    ...without(), '3', 1001, 1.5, {}, { times: -1 }, { times: 1001 }, { times: '3' }, { times: null }, { times: 1, delay: 'soon' }, { times: 1, delay: -1 },
    { times: 1, delay: '400d' }, { times: 1, factor: 0.5 }, { times: 1, factor: 101 }, { times: 1, factor: '2' }, { times: 1, max: 'x' }, { times: 1, jitter: 2 },
    { times: 1, jitter: -0.1 }, { times: 1, when: 'always' }, { times: 1, attempts: 2 }, { delay: '1s' },
  ],
  timeout: [...NEVER, '0.5ms', '400d', '10 s', {}],
  filter: [...without(true), 'yes', 1, { ttl: -1 }, { ttl: '0.1ms' }, { ttl: 'x' }, { ttl: true }, { key: 'id' }, { reply: 'fresh' }, { reply: true }, { tll: '1h' }],
  expire: [...NEVER, '0.5ms', '4000d', {}],
  persist: [...NEVER, 'results', 1, { result: 'yes' }, { result: null }, { result: 1 }, { ttl: 999 }, { ttl: 'x' }, { results: true }],
  deadLetter: [...without(true), '', 'a b', 'x'.repeat(129), {}, 1, 'work'],
  maxDeliveries: [...NEVER, 0, 101, 1.5, '5', false, {}],
}; // prettier-ignore

const GOOD: readonly ConsumerOptions[] = [
  {},
  { queue: 'x'.repeat(123), concurrency: 10_000, lease: '1h', priority: 255, group: 'größe', deadLetter: 'x'.repeat(128), maxDeliveries: 100 },
  { rate: 0.001, retry: 0, timeout: 0, filter: false, expire: false, persist: false, window: false, deadLetter: false },
  { rate: { starts: 5, per: '1h', burst: 10, key: (id: string) => id }, retry: { times: 1000, delay: '366d', factor: 100, max: 0, jitter: 1 } },
  { window: { allow: ['22:00-06:00', '*/5 8-18 * * MON-FRI'], deny: '0 0 29 2 *', timeZone: 'Asia/Kolkata' } },
  { filter: { ttl: '36500d', reply: 'cached' }, persist: { ttl: '1s' }, timeout: '366d', expire: 1 },
  { queue: undefined, retry: undefined, concurrency: undefined, deadLetter: undefined, window: undefined, persist: undefined },
]; // prettier-ignore

function consumer(options: unknown, method = 'run'): new () => object {
  class Service {
    run(): void {}
  }
  Consumer(options as ConsumerOptions)(
    Service.prototype,
    method,
    Object.getOwnPropertyDescriptor(Service.prototype, method)!,
  );
  return Service;
}

const stores = () => ({ coordination: memoryCoordination(), results: memoryResults() });

describe('an option of @Consumer()', () => {
  const table = Object.entries(BAD).flatMap(([option, values]) => values.map((value) => ({ option, value })));

  it.each(table)('$option can not be $value', async ({ option, value }) => {
    const options = { queue: 'work', [option]: value };
    const error = await refusal({ providers: [consumer(options)] }, { stores: stores() });
    expect(['FUNQ_OPTION_INVALID', 'FUNQ_QUEUE_NAME']).toContain(error.code);
    expect(error.message).toMatch(/^Service\.run: /);
    if (option !== 'queue') expect(error.message).toContain(`: ${option}`);
    expect(error.message.length).toBeLessThan(500);
  });

  it.each(['retri', 'concurency', '__proto__', 'constructor', 'Queue', '', 'x'.repeat(10_000)])(
    '%s is unknown',
    async (option) => {
      const options = JSON.parse(`{"queue":"work",${JSON.stringify(option)}:1}`) as object;
      const error = await refusal({ providers: [consumer(options)] });
      expect(error).toMatchObject({
        code: 'FUNQ_OPTION_INVALID',
        message: expect.stringMatching(/is unknown|known are/),
      });
      expect(error.message.length).toBeLessThan(500);
    },
  );

  it.each([null, 5, true, [], Symbol('x')])('options are never %s', async (options) => {
    expect(await refusal({ providers: [consumer(options)] })).toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
  });

  it.each(GOOD)('may be %o', async (options) => {
    await expect(boot({ providers: [consumer(options)] }, { stores: stores() })).resolves.toBeDefined();
  });

  it('that is wrong among the defaults is told of as well', async () => {
    const defaults = { retry: -1 };
    const error = await refusal({ providers: [consumer({ queue: 'work' })] }, { defaults });
    expect(error).toMatchObject({ code: 'FUNQ_OPTION_INVALID', message: expect.stringContaining('retry') });
  });
});

describe('an option of forRoot()', () => {
  const brokers = { default: memory() };
  const bad: Record<string, readonly unknown[]> = {
    brokers: [undefined, ...NO_OBJECT, {}, { default: undefined }, { default: memory }, { default: {} }, { default: 'redis://localhost' }],
    maxPayload: [...NEVER, 0, 1023, 256 * 2 ** 20 + 1, 1500.5, '1MB', {}],
    publishTimeout: [...NEVER, 0, 9, '2h', 'soon', {}],
    replyTimeout: [...NEVER, 0, 9, '2d', 'soon', {}],
    shutdownGrace: [...NEVER, '2d', 'soon', {}],
    maxBlock: [...NEVER, 999, '2h', 'soon', {}],
    consume: [...without(true, null), 'all', { queue: ['a'] }, { queues: 'a' }, { queues: [1] }, { groups: {} }, { groups: [null] }],
    anything: [1],
  }; // prettier-ignore
  const table = Object.entries(bad).flatMap(([option, values]) => values.map((value) => ({ option, value })));

  it.each(table)('$option can not be $value', async ({ option, value }) => {
    const error = await refused(() => FunqModule.forRoot({ brokers, [option]: value } as FunqOptions));
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toContain(`FunqModule: ${option}`);
  });

  it.each([undefined, null, 5, 'x', [], () => 1])('options are never %s', async (options) => {
    const error = await refused(() => FunqModule.forRoot(options as unknown as FunqOptions));
    expect(error).toMatchObject({ code: 'FUNQ_OPTION_INVALID', message: expect.stringMatching(/^FunqModule: /) });
  });
});
