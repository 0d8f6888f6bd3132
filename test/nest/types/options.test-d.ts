import { describe, expectTypeOf, test } from 'vitest';
import {
  Consumer,
  FunqModule,
  RetryInterceptor,
  type AskOptions,
  type Broker,
  type ConsumerOptions,
  type FunqOptions,
  type FunqPublisher,
  type PublishOptions,
  type ResultStore,
  type TaskOverrides,
} from 'nestjs-funq';

declare const broker: Broker;
declare const results: ResultStore;
declare const funq: FunqPublisher;
declare class Jobs {
  run(): void;
}

describe('options of a consumer', () => {
  test('may each be left out, undefined, or switched off', () => {
    const off: ConsumerOptions = {
      retry: 0,
      rate: false,
      timeout: false,
      filter: false,
      expire: 0,
      persist: false,
      deadLetter: false,
      window: false,
    };
    const left: ConsumerOptions = {
      retry: undefined,
      rate: undefined,
      queue: undefined,
      window: undefined,
      schema: undefined,
    };
    expectTypeOf({ ...off, ...left }).toExtend<ConsumerOptions>();
  });

  test('are refused when unknown or of the wrong type', () => {
    // @ts-expect-error misspelt
    Consumer({ retrys: 3 });
    // @ts-expect-error misspelt within
    Consumer({ retry: { times: 3, dellay: 1 } });
    // @ts-expect-error times is needed
    Consumer({ retry: { delay: 1 } });
    // @ts-expect-error not a duration
    Consumer({ timeout: true });
    // @ts-expect-error no such thing to persist
    Consumer({ persist: 'everything' });
    // @ts-expect-error no such scope
    Consumer({ rate: { starts: 1, scope: 'world' } });
    // @ts-expect-error true is no rate
    Consumer({ rate: true });
    // @ts-expect-error no schema
    Consumer({ schema: {} });
    // @ts-expect-error the queue is named already
    Consumer('queue', { queue: 'other' });
    // @ts-expect-error a function needs what it asks for
    Consumer((limit: number) => ({ rate: limit }));
  });

  test('may have functions of any arguments', () => {
    expectTypeOf({
      filter: { key: (user: { id: number }, at: Date) => `${user.id}${at.getTime()}` },
    }).toExtend<ConsumerOptions>();
    expectTypeOf({ rate: { starts: 1, key: (host: string) => host } }).toExtend<ConsumerOptions>();
    // @ts-expect-error a key is a text
    Consumer({ filter: { key: (n: number) => n } });
  });
});

describe('options of a task', () => {
  test('take falsy overrides', () => {
    void funq.to(Jobs, {
      retry: 0,
      timeout: false,
      filter: false,
      expire: false,
      rate: 0,
      persist: false,
      deadLetter: false,
    });
    void funq.to(Jobs, { retry: undefined, delay: undefined, id: undefined, headers: undefined });
    expectTypeOf<PublishOptions>().toExtend<TaskOverrides>();
    expectTypeOf<AskOptions>().toExtend<PublishOptions>();
  });

  test('are refused when they belong to the consumer, or to calls only', () => {
    // @ts-expect-error a consumer's
    void funq.to(Jobs, { concurrency: 3 });
    // @ts-expect-error a consumer's
    void funq.to(Jobs, { window: false });
    // @ts-expect-error nobody waits
    void funq.to(Jobs, { replyTimeout: '3s' });
    // @ts-expect-error texts only
    void funq.to(Jobs, { headers: { a: 1 } });
    void funq.ask(Jobs, { replyTimeout: '3s', headers: { a: '1' } });
  });
});

describe('options of the module', () => {
  test('need brokers, and know their names', () => {
    FunqModule.forRoot({ brokers: { default: broker, orders: broker }, stores: { results, coordination: undefined } });
    FunqModule.forRoot({
      brokers: { default: broker },
      consume: { queues: ['a'] },
      defaults: { retry: 3 },
      controls: [RetryInterceptor],
    });
    FunqModule.forRootAsync({ inject: ['A'], useFactory: (a: Broker) => ({ brokers: { default: a } }) });
    // @ts-expect-error brokers are needed
    FunqModule.forRoot({});
    // @ts-expect-error a factory, not a broker
    FunqModule.forRoot({ brokers: { default: () => broker } });
    // @ts-expect-error unknown
    FunqModule.forRoot({ brokers: { default: broker }, broker });
    // @ts-expect-error one queue for all
    FunqModule.forRoot({ brokers: { default: broker }, defaults: { queue: 'x' } });
    // @ts-expect-error a result store is no coordination store
    FunqModule.forRoot({ brokers: { default: broker }, stores: { coordination: results } });
    expectTypeOf<FunqOptions['brokers']>().toEqualTypeOf<Readonly<Record<string, Broker>>>();
  });
});
