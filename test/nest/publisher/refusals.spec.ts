import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type FunqPublisher, type PublishOptions } from 'nestjs-funq';
import { boot } from '../support/app.js';
import { limited } from '../support/brokers.js';
import { envelopes } from '../support/envelopes.js';

@Injectable()
class Mails {
  @Consumer({ queue: 'mails' })
  send(to: string): string {
    return to;
  }
  plain(): void {}
}

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
      'within a transaction that is none',
      (funq) => funq.publish('mails', [], { transaction: 'BEGIN' as never }),
      'FUNQ_OPTION_INVALID',
      'transaction is "BEGIN"',
    ],
    [
      'within a transaction of a broker that has none',
      (funq) => funq.to(Mails, { transaction: {} }).send('a@b.c'),
      'FUNQ_FEATURE_UNSUPPORTED',
      'has no transaction',
    ],
    [
      'when somebody is asked within a transaction',
      (funq) => funq.ask('mails', [], { transaction: {} } as never),
      'FUNQ_OPTION_INVALID',
      'asking mails: nobody answers within a transaction',
    ],
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

function circle(): object {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}
