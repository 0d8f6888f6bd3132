import { Injectable } from '@nestjs/common';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  CurrentTask,
  FUNQ_CODEC,
  FunqPublisher,
  getBrokerToken,
  type Broker,
  type Codec,
  type Envelope,
  type PublishOptions,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect, done, turns, type Booted } from '../support/app.js';
import { limited } from '../support/brokers.js';

@Injectable()
class Mails {
  @Consumer({ queue: 'mails', concurrency: 1, priority: 2 })
  send(to: string, subject = 'none'): string {
    return `${to}: ${subject}`;
  }
  @Consumer()
  headers(@CurrentTask() { headers }: Task): Readonly<Record<string, string>> {
    return headers;
  }
  plain(): void {}
}

/** What lies in a queue that nobody consumes here. */
async function envelopes({ app }: Booted, queue: string): Promise<Envelope[]> {
  const broker = app.get<Broker>(getBrokerToken());
  const codec = app.get<Codec>(FUNQ_CODEC);
  const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 1000 });
  const deliveries = await subscription.receive(100, new AbortController().signal);
  await subscription.close();
  return deliveries.map(({ body }) => codec.decode(body));
}

describe('publishing', () => {
  it('by class, by name, and many at once, resolves to the ids', async () => {
    const booted = await boot({ providers: [Mails] }, { consume: false });
    const { funq } = booted;
    const ids = [
      await funq.to(Mails).send('a@b.c', 'hello'),
      await funq.publish('mails', ['d@e.f']),
      ...(await funq.publishMany('mails', [['g@h.i'], ['j@k.l', 'x']])),
    ];
    const found = await envelopes(booted, 'mails');
    expect(found.map(({ id }) => id)).toEqual(ids);
    expect(found.map(({ args }) => args)).toEqual([['a@b.c', 'hello'], ['d@e.f'], ['g@h.i'], ['j@k.l', 'x']]);
    expect(new Set(ids).size).toBe(4);
    expect(ids.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  });

  it('keeps an id that is given, also for two tasks', async () => {
    const booted = await boot({ providers: [Mails] });
    const ended = collect(booted.events, 'done', 2);
    expect(await booted.funq.to(Mails, { id: 'order-17' }).send('a')).toBe('order-17');
    expect(await booted.funq.publish('mails', ['b'], { id: 'order-17' })).toBe('order-17');
    expect((await ended).map(({ task, value }) => [task.id, value])).toEqual([
      ['order-17', 'a: none'],
      ['order-17', 'b: none'],
    ]);
  });

  it('carries headers', async () => {
    const { funq } = await boot({ providers: [Mails] });
    const headers = { 'x-tenant': 'ä', other: '' };
    expect(await funq.ask(Mails, { headers }).headers()).toEqual(headers);
    expect(await funq.ask(Mails).headers()).toEqual({});
  });

  it('delays', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Mails] }, { clock });
    const at: unknown[] = [];
    events.on('done', ({ task }) => void at.push([task.args[0], clock.monotonic()]));
    await funq.to(Mails, { delay: '10m' }).send('late');
    await funq.to(Mails, { delay: 1500 }).send('soon');
    await funq.to(Mails, { delay: 0 }).send('now');
    await clock.advance(11 * 60_000);
    expect(at).toEqual([
      ['now', 0],
      ['soon', 1500],
      ['late', 600_000],
    ]);
  });

  it("orders by priority, the consumer's where none is given", async () => {
    const queues = new Map();
    const front = await boot({ providers: [Mails] }, { brokers: { default: memory({ queues }) }, consume: false });
    for (const [to, priority] of [['none'], ['low', 1], ['high', 9], ['zero', 0], ['none2']] as [string, number?][])
      await front.funq.to(Mails, { priority }).send(to);
    const back = await boot({ providers: [Mails] }, { brokers: { default: memory({ queues }) } });
    const order = await collect(back.events, 'done', 5);
    expect(order.map(({ task }) => task.args[0])).toEqual(['high', 'none', 'none2', 'low', 'zero']);
  });

  it('goes to the broker of the consumer, or to the one that is named', async () => {
    @Injectable()
    class Other {
      @Consumer({ queue: 'jobs', broker: 'other' })
      run(): string {
        return 'other';
      }
    }
    const brokers = { default: memory(), other: memory() };
    const { funq, app } = await boot({ providers: [Other] }, { brokers, consume: false });
    await funq.to(Other).run();
    await funq.publish('jobs');
    await funq.publish('jobs', [], { broker: 'default' });
    await funq.publish('elsewhere', [], { broker: 'other' });
    await funq.publish('elsewhere');
    const counts = async (broker: Broker): Promise<unknown> =>
      Promise.all(['jobs', 'elsewhere'].map((queue) => broker.count!(queue)));
    expect([await counts(brokers.default), await counts(brokers.other)]).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(app.get(FunqPublisher)).toBe(funq);
  });

  it('leaves out arguments that are undefined at the end', async () => {
    const booted = await boot({ providers: [Mails] }, { consume: false });
    await booted.funq.to(Mails).send('a', undefined);
    await booted.funq.publish('mails', ['b', undefined, null]);
    expect((await envelopes(booted, 'mails')).map(({ args }) => args)).toEqual([['a'], ['b', undefined, null]]);
  });

  it('takes the arguments as they are at that moment', async () => {
    const booted = await boot({}, { consume: false });
    const list = [1];
    const published = booted.funq.publish('mails', [list]);
    list.push(2);
    await published;
    expect((await envelopes(booted, 'mails'))[0]!.args).toEqual([[1]]);
  });

  it('of nothing at all is nothing', async () => {
    const { funq } = await boot({});
    expect(await funq.publishMany('mails', [])).toEqual([]);
  });
});

describe('publishing is refused', () => {
  it.each<[string, (funq: FunqPublisher) => Promise<unknown>, string, string]>([
    [
      'to a method that is no consumer',
      (funq) => (funq.to(Mails) as never as Record<string, () => Promise<string>>)['plain']!(),
      'FUNQ_CONSUMER_UNKNOWN',
      'Mails.plain is no consumer: put @Consumer() on the method',
    ],
    [
      'to a method that does not exist',
      (funq) => (funq.to(Mails) as never as Record<string, () => Promise<string>>)['sned']!(),
      'FUNQ_CONSUMER_UNKNOWN',
      'Mails.sned is no consumer',
    ],
    [
      'for calls as well',
      (funq) => (funq.ask(Mails) as never as Record<string, () => Promise<string>>)['plain']!(),
      'FUNQ_CONSUMER_UNKNOWN',
      'Mails.plain',
    ],
    [
      'with a name that is none',
      (funq) => funq.publish('no spaces'),
      'FUNQ_QUEUE_NAME',
      'publish: "no spaces" can\'t name a queue',
    ],
    ['for a call with such a name', (funq) => funq.ask('no spaces'), 'FUNQ_QUEUE_NAME', '"no spaces"'],
    ['for many with such a name', (funq) => funq.publishMany('no spaces', [[]]), 'FUNQ_QUEUE_NAME', '"no spaces"'],
    [
      'for a call without a list of arguments',
      (funq) => funq.ask('mails', 'a@b.c' as never),
      'FUNQ_OPTION_INVALID',
      "publish('mails', [argument])",
    ],
    [
      'without a list of arguments',
      (funq) => funq.publish('mails', 'a@b.c' as never),
      'FUNQ_OPTION_INVALID',
      "publish('mails', [argument])",
    ],
    [
      'to an unknown broker',
      (funq) => funq.publish('mails', [], { broker: 'x' }),
      'FUNQ_BROKER_UNKNOWN',
      "publishing to mails: there is no broker 'x'",
    ],
    [
      'with an unknown option',
      (funq) => funq.publish('mails', [], { dealy: 1 } as PublishOptions),
      'FUNQ_OPTION_INVALID',
      'dealy is 1, but is unknown',
    ],
    ['with options that are none', (funq) => funq.publish('mails', [], null as never), 'FUNQ_OPTION_INVALID', 'null'],
    [
      'with a priority out of range',
      (funq) => funq.publish('mails', [], { priority: 256 }),
      'FUNQ_OPTION_INVALID',
      'priority is 256',
    ],
    ['with an id that is none', (funq) => funq.publish('mails', [], { id: '' }), 'FUNQ_OPTION_INVALID', 'id is ""'],
    ['with a negative delay', (funq) => funq.publish('mails', [], { delay: -1 }), 'FUNQ_OPTION_INVALID', 'delay is -1'],
    [
      'with headers that are none',
      (funq) => funq.publish('mails', [], { headers: { a: 1 } as never }),
      'FUNQ_OPTION_INVALID',
      'headers is an object, but must be an object of texts',
    ],
    [
      'with one id for many',
      (funq) => funq.publishMany('mails', [[], []], { id: 'x' } as never),
      'FUNQ_OPTION_INVALID',
      'id',
    ],
    [
      'with a function among the arguments',
      (funq) => funq.publish('mails', [{ a: [() => 1] }]),
      'FUNQ_UNSERIALIZABLE',
      'args[0].a[0]',
    ],
    [
      'with a circle among the arguments',
      (funq) => funq.publish('mails', [circle()]),
      'FUNQ_UNSERIALIZABLE',
      'args[0]',
    ],
    [
      'with too much',
      (funq) => funq.publish('mails', ['x'.repeat(2 ** 20)]),
      'FUNQ_PAYLOAD_TOO_LARGE',
      'more than maxPayload of 1048576',
    ],
  ])('%s', async (_name, act, code, message) => {
    const { funq, events } = await boot({ providers: [Mails] });
    const published: unknown[] = [];
    events.on('published', (event) => void published.push(event));
    await expect(act(funq)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(published).toEqual([]);
  });

  it('with what the broker can not do, naming one that can', async () => {
    const { funq } = await boot({}, { brokers: { default: limited({ delay: false, priority: false }) } });
    await expect(funq.publish('q', [], { delay: '1s' })).rejects.toMatchObject({
      code: 'FUNQ_DELAY_UNSUPPORTED',
      message: expect.stringContaining("broker 'default' (limited) has no delay") as string,
    });
    await expect(funq.publish('q', [], { priority: 1 })).rejects.toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
    await funq.publish('q', [], { priority: 0, delay: 0 });
  });

  it('one of many: the others are published, and each reason is told', async () => {
    const booted = await boot({ providers: [Mails] }, { consume: false });
    const error = await booted.funq
      .publishMany('mails', [['a'], [() => 1], ['b'], [Symbol('x')]])
      .catch((failure: unknown) => failure as Error & { cause: AggregateError });
    expect(error).toMatchObject({
      code: 'FUNQ_PUBLISH_FAILED',
      message: expect.stringContaining('2 of 4 tasks') as string,
    });
    const { cause } = error as { cause: AggregateError };
    expect(cause.errors).toMatchObject([{ code: 'FUNQ_UNSERIALIZABLE' }, { code: 'FUNQ_UNSERIALIZABLE' }]);
    expect((await envelopes(booted, 'mails')).map(({ args }) => args[0])).toEqual(['a', 'b']);
  });
});

describe('the object that to() gives', () => {
  it('can be awaited, printed and looked at without harm', async () => {
    const { funq, events } = await boot({ providers: [Mails] });
    const remote = funq.to(Mails);
    expect(await remote).toBe(remote);
    expect(await Promise.all([remote, funq.ask(Mails)])).toHaveLength(2);
    expect(inspect(remote)).toBe('[Object: null prototype] {}');
    expect(JSON.stringify({ remote })).toBe('{"remote":{}}');
    expect(String(inspect({ remote }, { showProxy: true }))).toContain('remote');
    expect(remote).toEqual(remote);
    expect(() => `${remote as unknown as string}`).toThrow(TypeError);
    expect(typeof remote).toBe('object');
    await turns();
    expect((await done(events, () => remote.send('x'))).value).toBe('x: none');
  });

  it('may be kept and used as often as wanted', async () => {
    const { funq, events } = await boot({ providers: [Mails] });
    const { send } = funq.to(Mails, { headers: { a: 'b' } });
    const ended = collect(events, 'done', 2);
    await Promise.all([send('x'), send('y')]);
    expect((await ended).map(({ task }) => task.headers)).toEqual([{ a: 'b' }, { a: 'b' }]);
  });
});

function circle(): object {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}
