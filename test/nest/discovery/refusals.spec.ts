import { Injectable, Module, type Provider, type Type } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { Consumer, FunqConfigError, type Broker, type ConsumerOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { boot, refusal, refused, type Options } from '../support/app.js';
import { limited } from '../support/brokers.js';

/** A class with one consumer of these options. */
function consumer(options: ConsumerOptions): Type {
  @Injectable()
  class Job {
    @Consumer(options)
    run(): void {}
  }
  return Job;
}

async function refusalOf(options: ConsumerOptions, module: Options = {}): Promise<string> {
  const error = await refusal({ providers: [consumer(options)] }, module);
  expect(error).toBeInstanceOf(FunqConfigError);
  return `${error.code} ${error.message}`;
}

describe('two consumers that clash are refused', () => {
  @Injectable()
  class Twice {
    @Consumer('same')
    one(): void {}
    @Consumer('same')
    two(): void {}
  }

  @Injectable()
  class Once {
    @Consumer()
    run(): void {}
  }

  it('when two methods have one queue', async () => {
    expect(await refusal({ providers: [Twice] })).toMatchObject({
      code: 'FUNQ_CONSUMER_CLASH',
      message: "Twice.two and Twice.one both consume queue 'same' of broker 'default'; give one of them another queue",
    });
  });

  it('not when the queues are on two brokers', async () => {
    @Injectable()
    class Both {
      @Consumer({ queue: 'same' })
      one(): string {
        return 'one';
      }
      @Consumer({ queue: 'same', broker: 'other' })
      two(): string {
        return 'two';
      }
    }
    const { funq } = await boot({ providers: [Both] }, { brokers: { default: memory(), other: memory() } });
    expect([await funq.ask(Both).one(), await funq.ask(Both).two()]).toEqual(['one', 'two']);
  });

  it.each<[string, Provider[]]>([
    ['in two modules', [Once]],
    ['under another token', [{ provide: 'AGAIN', useClass: Once }]],
  ])('when a class is provided twice, %s', async (_name, providers) => {
    @Module({ providers: [Once] })
    class First {}
    @Module({ providers })
    class Second {}
    const error = await refusal({ imports: [First, Second] });
    expect(error.code).toBe('FUNQ_CONSUMER_CLASH');
    expect(error.message).toContain('Once.run is provided twice');
    expect(error.message).toContain('provide it in one module and export it, or alias it with useExisting');
  });

  it('when two classes inherit a method with a fixed queue', async () => {
    @Injectable()
    class Fixed {
      @Consumer('fixed')
      run(): void {}
    }
    class Left extends Fixed {}
    class Right extends Fixed {}
    const { message } = await refusal({ providers: [Left, Right] });
    expect(message).toContain('Right.run and Left.run both consume');
  });
});

describe('a consumer that names what is not there is refused', () => {
  it.each([
    [
      'a broker',
      { broker: 'nope' },
      "FUNQ_BROKER_UNKNOWN Job.run: there is no broker 'nope'; FunqModule has 'default'",
    ],
    ['coordination for filter', { filter: true }, 'FUNQ_STORE_MISSING Job.run: filter needs a store'],
    [
      'coordination for a shared rate',
      { rate: { starts: 1, scope: 'shared' as const } },
      "FUNQ_STORE_MISSING Job.run: rate.scope 'shared' needs a store: FunqModule.forRoot({ stores: { coordination:",
    ],
    ['results for persist', { persist: 'status' as const }, 'FUNQ_STORE_MISSING Job.run: persist needs a store'],
  ])('%s', async (_name, options, message) => {
    expect(await refusalOf(options)).toContain(message);
  });

  it('not when the stores are there', async () => {
    const stores = { coordination: memoryCoordination(), results: memoryResults() };
    const all = consumer({ filter: true, rate: { starts: 9, scope: 'shared' }, persist: 'status' });
    await boot({ providers: [all] }, { stores });
  });

  it('before any broker or store is opened', async () => {
    const [broker, results] = [memory(), memoryResults()];
    const opened = [vi.spyOn(broker, 'connect'), vi.spyOn(results, 'connect')];
    await refusalOf({ broker: 'nope' }, { brokers: { default: broker }, stores: { results } });
    expect(opened.flatMap(({ mock }) => mock.calls)).toEqual([]);
  });

  it('in the defaults just the same', async () => {
    expect(await refusalOf({}, { defaults: { persist: 'result' } })).toContain('FUNQ_STORE_MISSING');
    expect(await refusalOf({}, { defaults: { broker: 'gone' } })).toContain("no broker 'gone'");
  });
});

describe('an option that the broker can not honour is refused, naming one that can', () => {
  const plain = (): Broker => limited({ delay: false, priority: false, redelivery: 'none' });

  it.each<[string, ConsumerOptions]>([
    ['priority', { priority: 3 }],
    ['retry.delay above 1s', { retry: { times: 1, delay: '2s' } }],
    ['retry.delay above 1s', { retry: { times: 3, delay: '400ms', factor: 2 } }],
    ['maxDeliveries', { maxDeliveries: 3 }],
  ])('%s', async (what, options) => {
    const message = await refusalOf(options, { brokers: { default: plain() } });
    expect(message).toContain(`FUNQ_FEATURE_UNSUPPORTED Job.run: broker 'default' (limited) can't honour ${what}`);
    expect(message).toContain('such as sqlite');
  });

  it.each<[string, ConsumerOptions]>([
    ['priority 0', { priority: 0 }],
    ['short retries', { retry: { times: 5, delay: '1s' } }],
    ['growing retries that stay short', { retry: { times: 5, delay: '100ms', factor: 2, max: '1s' } }],
  ])('but not %s', async (_what, options) => {
    await boot({ providers: [consumer(options)] }, { brokers: { default: plain() } });
  });
});

describe('options that make no sense are refused', () => {
  it.each<[string, ConsumerOptions, string]>([
    ['concurrency', { concurrency: 0 }, 'Job.run: concurrency is 0, but must be a whole number from 1 to 10000'],
    ['concurrency', { concurrency: 1.5 }, 'concurrency is 1.5'],
    ['retry', { retry: -1 }, 'Job.run: retry is -1'],
    ['retry', { retry: 1001 }, 'retry is 1001'],
    ['retry.factor', { retry: { times: 1, factor: 0.5 } }, 'retry: factor is 0.5'],
    ['rate', { rate: -3 }, 'Job.run: rate is -3'],
    ['rate', { rate: NaN }, 'Job.run: rate is NaN'],
    ['timeout', { timeout: 'soon' }, 'Job.run: timeout is "soon", which is no duration'],
    ['priority', { priority: 256 }, 'priority is 256'],
    ['lease', { lease: '10ms' }, 'lease is "10ms", but must be between 1000 ms'],
    ['window', { window: { allow: '25:00-26:00' } }, 'window.allow is'],
    ['window', { window: {} }, 'must name allow or deny'],
    ['time zone', { window: { allow: '10:00-11:00', timeZone: 'Mars/Base' } }, 'window.timeZone is "Mars/Base"'],
    ['unknown', { concurency: 3 } as ConsumerOptions, 'Job.run: concurency is 3, but is unknown; known are queue'],
    ['unknown within', { retry: { times: 1, dellay: 1 } } as ConsumerOptions, 'retry: dellay is 1, but is unknown'],
    ['schema', { schema: {} } as ConsumerOptions, 'schema is an object, but must be a Standard Schema'],
  ])('%s', async (_name, options, message) => {
    const text = await refusalOf(options);
    expect(text).toContain('FUNQ_OPTION_INVALID');
    expect(text).toContain(message);
  });

  it("a queue's name", async () => {
    expect(await refusalOf({ queue: 'no spaces' })).toContain('FUNQ_QUEUE_NAME Job.run: "no spaces"');
    expect(await refusalOf({ queue: '' })).toContain('FUNQ_QUEUE_NAME');
    expect(await refusalOf({ deadLetter: 'a/b' })).toContain('FUNQ_QUEUE_NAME');
  });

  it('the decorator on anything but a method', async () => {
    const decorate = (target: object, key: string): void => {
      (Consumer() as (target: object, key: string, descriptor?: PropertyDescriptor) => void)(
        target,
        key,
        Object.getOwnPropertyDescriptor(target, key),
      );
    };
    class Odd {
      static make(): void {}
      get value(): number {
        return 1;
      }
    }
    for (const [target, key] of [
      [Odd, 'make'],
      [Odd.prototype, 'value'],
      [Odd.prototype, 'field'],
    ] as const) {
      const { message } = await refused(() => decorate(target, key));
      expect(message).toContain(`Odd.${key}: @Consumer() belongs on a method of a provider`);
    }
  });
});
