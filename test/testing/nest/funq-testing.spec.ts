import { Injectable, Module, type CanActivate } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Consumer,
  CurrentTask,
  FUNQ_CLOCK,
  FunqDeadLetters,
  FunqModule,
  FunqPublisher,
  InjectStore,
  RequeueError,
  getBrokerToken,
  type Broker,
  type ConsumerOptions,
  type FunqOptions,
  type ResultStore,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { FunqTesting, FunqTestingModule, ManualClock } from 'nestjs-funq/testing';
import { LogBook } from '../../nest/support/log-book.js';
import { refused } from '../../nest/support/app.js';

const START = Date.UTC(2026, 0, 1);

async function start(metadata: Parameters<typeof Test.createTestingModule>[0]) {
  const app = await Test.createTestingModule(metadata).setLogger(new LogBook()).compile();
  await app.init();
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await app.close();
    closed = true;
  };
  onTestFinished(close);
  return { app, close, funq: app.get(FunqPublisher), testing: app.get(FunqTesting), clock: app.get(ManualClock) };
}

/** One consumer of `work`, whose method does what `run` does. */
async function working(options: ConsumerOptions, run: (task: Task, ...args: unknown[]) => unknown, rest: object = {}) {
  @Injectable()
  class Work {
    @Consumer({ queue: 'work', ...options })
    async run(@CurrentTask() task: Task, ...args: unknown[]): Promise<unknown> {
      return run(task, ...args);
    }
  }
  return { Work, ...(await start({ imports: [FunqTestingModule.forRoot(rest)], providers: [Work] })) };
}

describe('FunqTestingModule', () => {
  it('runs providers without their app, and tells what was published and what ran', async () => {
    @Injectable()
    class Weather {
      @Consumer({ queue: 'weather' })
      async forecast(city: string, day = 'tomorrow'): Promise<string> {
        return `${city}, ${day}: sunny`;
      }
    }
    const { funq, testing } = await start({ imports: [FunqTestingModule.forRoot()], providers: [Weather] });
    const id = await funq.to(Weather, { delay: '10m', headers: { tenant: 'a' } }).forecast('Wuhan');
    const [published] = testing.published(Weather, 'forecast');
    expect(published).toEqual({
      id, queue: 'weather', broker: 'default', args: ['Wuhan'], delay: 600_000, priority: 0, headers: { tenant: 'a' }, options: {}, publishedAt: START,
    }); // prettier-ignore
    expect(testing.runs()).toEqual([]);
    await testing.drain();
    const at = START + 600_000;
    expect(testing.runs(Weather, 'forecast')).toEqual([
      { id, queue: 'weather', handler: 'Weather.forecast', args: ['Wuhan'], attempt: 1, outcome: 'done', value: 'Wuhan, tomorrow: sunny', startedAt: at, endedAt: at },
    ]); // prettier-ignore
    // Typed by the class.
    const city: string = published!.args[0];
    const value: string | undefined = testing.runs(Weather, 'forecast')[0]!.value;
    expect([city, value]).toEqual(['Wuhan', 'Wuhan, tomorrow: sunny']);
    expect([
      testing.published('weather').length,
      testing.published('other').length,
      testing.runs('other').length,
    ]).toEqual([1, 0, 0]);
    testing.clear();
    expect([testing.published(), testing.runs()]).toEqual([[], []]);
    // @ts-expect-error a method that the class does not have
    expect(() => testing.runs(Weather, 'nothing')).toThrow('no consumer');
  });

  it('answers those who ask', async () => {
    const { Work, funq, testing } = await working({ rate: 1, retry: 1 }, ({ attempt }, x) => {
      if (attempt === 1) throw new Error('not yet');
      return x;
    });
    const answers = Promise.all([funq.ask(Work).run(1), funq.ask(Work).run(2)]);
    await testing.drain();
    expect(await answers).toEqual([1, 2]);
  });

  describe('beside an app that was written for other brokers', () => {
    const file = '/nonexistent/never-opened.db';
    @Injectable()
    class Mails {
      @Consumer({ queue: 'mails', retry: 1, persist: 'result', filter: true })
      async send(to: string): Promise<string> {
        return to;
      }
      @Consumer({ queue: 'orders', broker: 'orders' })
      async order(): Promise<void> {}
    }
    const options: FunqOptions = {
      brokers: { default: sqlite({ file }), orders: sqlite({ file }) },
      stores: { results: memoryResults(), coordination: memoryCoordination() },
      defaults: { timeout: '9s' },
    };
    @Module({ imports: [FunqModule.forRoot(options)], providers: [Mails] })
    class AppModule {}
    @Module({ imports: [FunqModule.forRootAsync({ useFactory: () => options })], providers: [Mails] })
    class AsyncAppModule {}

    it.each([AppModule, AsyncAppModule])('takes the place of its brokers, stores and clock: %s', async (type) => {
      const { app, funq, testing, clock } = await start({ imports: [type, FunqTestingModule] });
      expect(app.get(FUNQ_CLOCK)).toBe(clock);
      expect(app.get<Broker>(getBrokerToken()).kind).toBe('testing');
      await funq.to(Mails).send('a@b.c');
      await funq.to(Mails).send('a@b.c');
      await funq.to(Mails).order();
      await testing.drain();
      expect(testing.published().map(({ broker, queue }) => [broker, queue])).toEqual([
        ['default', 'mails'],
        ['default', 'mails'],
        ['orders', 'orders'],
      ]);
      expect(testing.runs('mails')).toHaveLength(1);
      const results = app.get<ResultStore>('FUNQ_STORE:results');
      expect(results).not.toBe(options.stores!.results);
      const { id } = testing.runs(Mails, 'send')[0]!;
      expect(await results.find(id)).toMatchObject({ status: 'done' });
    });

    it('keeps its options, unless the test has others', async () => {
      const given: unknown[] = [];
      @Injectable()
      class Policies {
        @Consumer({ queue: 'policies' })
        async run(@CurrentTask() { policy }: Task): Promise<void> {
          given.push(policy.timeout, policy.retry?.times);
        }
      }
      const imports = [
        AppModule,
        FunqTestingModule.forApp({ defaults: { timeout: '1s', retry: 4 }, start: new Date(5) }),
      ];
      const { funq, testing, clock } = await start({ imports, providers: [Policies] });
      expect(clock.now()).toBe(5);
      await funq.publish('policies');
      await testing.drain();
      expect(given).toEqual([1000, 4]);
    });

    it('can do no more than they can', async () => {
      const inner = memory();
      const weak: Broker = { ...inner, features: { ...inner.features, priority: false, delay: false } };
      @Module({ imports: [FunqModule.forRoot({ brokers: { default: weak } })] })
      class WeakApp {}
      class Job {}
      Consumer({ priority: 3 })(Object.assign(Job.prototype, { run: () => undefined }), 'run', {
        value: () => undefined,
      });
      const { funq } = await start({ imports: [WeakApp, FunqTestingModule] });
      await expect(funq.publish('x', [], { delay: 5 })).rejects.toMatchObject({ code: 'FUNQ_DELAY_UNSUPPORTED' });
      await expect(funq.publish('x', [], { priority: 5 })).rejects.toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
    });

    it('does not hide a store that the app lacks', async () => {
      @Module({ imports: [FunqModule.forRoot({ brokers: { default: memory() } })], providers: [Mails] })
      class Poor {}
      const error = await refused(() => start({ imports: [Poor, FunqTestingModule] }));
      expect(error.code).toBe('FUNQ_STORE_MISSING');
    });
  });

  it('says what is missing or wrong', async () => {
    const alone = await refused(() => start({ imports: [FunqTestingModule] }));
    expect(alone.message).toContain('found no FunqModule');
    for (const wrong of [{ clock: {} }, { start: 'soon' }, { patience: -1 }, { brokrs: {} }, { maxPayload: 5 }]) {
      const error = await refused(() => start({ imports: [FunqTestingModule.forRoot(wrong as never)] }));
      expect(error.code).toBe('FUNQ_OPTION_INVALID');
    }
  });

  it('does not make two apps in one process see each other', async () => {
    const one = await working({}, () => 1);
    const two = await working({}, () => 2);
    await one.funq.publish('work');
    await one.testing.advance('1h');
    expect([two.testing.published(), two.clock.monotonic()]).toEqual([[], 0]);
    expect(one.testing.runs()).toHaveLength(1);
  });
});

describe('time in tests', () => {
  const at = ({ startedAt }: { startedAt: number }): number => startedAt - START;

  it('moves rates and retries with backoff to the millisecond', async () => {
    const { funq, testing } = await working(
      { rate: 2, retry: { times: 2, delay: '1m', factor: 2 } },
      ({ attempt }, n) => {
        if (n === 'bad') throw new Error(`run ${attempt}`);
      },
    );
    await funq.publishMany('work', [['bad'], [1], [2]]);
    await testing.drain();
    const runs = testing.runs();
    expect(runs.map((run) => [run.args[0], run.attempt, run.outcome, at(run)])).toEqual([
      ['bad', 1, 'failed', 0],
      [1, 1, 'done', 500],
      [2, 1, 'done', 1000],
      ['bad', 2, 'failed', 60_000],
      ['bad', 3, 'failed', 180_000],
    ]);
    expect(runs.at(-1)!.error).toMatchObject({ message: 'run 3' });
    expect(testing.published()).toHaveLength(3);
  });

  it('moves windows, expiry and filters', async () => {
    const window = { allow: '22:00-06:00' };
    const { funq, testing } = await working({ window, expire: '20h', filter: { ttl: '1h' } }, () => undefined);
    await testing.advance('7h');
    await funq.publish('work', ['a']);
    await funq.publish('work', ['a']);
    await funq.publish('work', ['b'], { expire: '1h' });
    await testing.drain();
    expect(testing.runs().map((run) => [run.args[0], at(run)])).toEqual([['a', 22 * 3_600_000]]);
    await testing.advance('1h');
    await funq.publish('work', ['a']);
    await testing.drain();
    expect(testing.runs()).toHaveLength(2);
  });

  it('moves timeouts of tasks and of those who wait for them', async () => {
    const { Work, funq, testing } = await working({ timeout: '10s', retry: 1 }, () => new Promise(() => undefined));
    const late = expect(funq.ask(Work, { replyTimeout: '5s' }).run()).rejects.toMatchObject({
      code: 'FUNQ_REPLY_TIMEOUT',
    });
    await testing.drain();
    await late;
    expect(testing.runs().map((run) => [run.outcome, at(run), run.endedAt! - START])).toEqual([
      ['failed', 0, 10_000],
      ['failed', 10_000, 20_000],
    ]);
    expect(testing.runs()[0]!.error).toMatchObject({ code: 'FUNQ_TIMEOUT' });
  });

  it('moves what a handler itself waits for on the clock', async () => {
    @Injectable()
    class Sleeper {
      constructor(readonly clock: ManualClock) {}
      @Consumer({ queue: 'sleep' })
      async sleep(): Promise<number> {
        for (let n = 0; n < 3; n++) await this.clock.sleep(3_600_000);
        return this.clock.now();
      }
    }
    const { funq, testing } = await start({
      imports: [FunqTestingModule.forRoot({ patience: 10 })],
      providers: [Sleeper],
    });
    await funq.to(Sleeper).sleep();
    await testing.drain();
    expect(testing.runs(Sleeper, 'sleep')).toMatchObject([{ value: START + 3 * 3_600_000, outcome: 'done' }]);
  });

  it('stands still while a handler does real work', async () => {
    const { funq, testing, clock } = await working({ timeout: '1s' }, async () => {
      await readFile(new URL(import.meta.url));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return readFile(new URL(import.meta.url), 'utf8').then((text) => text.length > 0);
    }, { patience: 10_000 }); // prettier-ignore
    await funq.publish('work');
    await testing.drain();
    expect(testing.runs()).toMatchObject([{ outcome: 'done', value: true }]);
    expect(clock.monotonic()).toBe(0);
  });

  it('passes idle consumers by the year', async () => {
    const { funq, testing, clock } = await working({}, () => undefined);
    await funq.publish('work', [], { delay: '300d' });
    await testing.advance('366d');
    expect(testing.runs()).toHaveLength(1);
    expect(clock.monotonic()).toBe(366 * 86_400_000);
  });
});

describe('runs', () => {
  it('tell what the handler asked for', async () => {
    const says: Record<string, (task: Task) => void> = {
      retry: (task) => task.attempt === 1 && task.retry('1s'),
      requeue: (task) => {
        if (task.requeues === 0) throw new RequeueError();
      },
      discard: (task) => task.discard('no need'),
      dead: (task) => task.dead('hopeless'),
    };
    const { funq, testing } = await working({}, (task, what) => says[what as string]!(task));
    for (const what of Object.keys(says)) await funq.publish('work', [what]);
    await testing.drain();
    const outcomes = (what: string): unknown => testing.runs().filter(({ args }) => args[0] === what).map(({ outcome }) => outcome); // prettier-ignore
    expect(Object.keys(says).map(outcomes)).toEqual([
      ['retried', 'done'],
      ['requeued', 'done'],
      ['discarded'],
      ['dead'],
    ]);
  });

  it('show those that a guard refused, and what still runs', async () => {
    const guard: CanActivate = { canActivate: () => false };
    @Injectable()
    class Work {
      @Consumer({ queue: 'work' })
      async run(): Promise<void> {}
    }
    const providers = [Work, { provide: APP_GUARD, useValue: guard }];
    const { funq, testing } = await start({ imports: [FunqTestingModule.forRoot()], providers });
    await funq.to(Work).run();
    await testing.drain();
    expect(testing.runs()).toMatchObject([{ outcome: 'failed', error: { status: 403 } }]);
  });
});

describe('drain()', () => {
  it('leaves dead letters, and queues that nobody consumes here', async () => {
    const { app, funq, testing, clock } = await working({}, () => {
      throw new Error('no');
    });
    await funq.publish('work');
    await funq.publish('elsewhere', [], { delay: '1h' });
    await testing.drain();
    expect(clock.monotonic()).toBe(0);
    expect(await app.get(FunqDeadLetters).list('work')).toHaveLength(1);
  });

  it('follows tasks that publish tasks', async () => {
    const { Work, funq, testing } = await working({}, async (_task, n) => {
      if ((n as number) > 0) await funq.to(Work, { delay: '1d' }).run((n as number) - 1);
    });
    await funq.to(Work).run(20);
    await testing.drain();
    expect(testing.runs()).toHaveLength(21);
  });

  it.each([undefined, '1m'])('gives up on a task that publishes itself for ever, delay %s', async (delay) => {
    const { Work, funq, testing } = await working(
      {},
      async () => void (await funq.to(Work, { ...(delay && { delay }) }).run()),
    );
    await funq.to(Work).run();
    const error = await refused(() => testing.drain({ limit: 50 }));
    expect(error.code).toBe('FUNQ_NOT_DRAINED');
    expect(error.message).toContain('work');
    expect(testing.runs().length).toBeLessThanOrEqual(60);
  });

  it('gives up on a handler that never ends, and names it', async () => {
    const { funq, testing } = await working({}, () => new Promise(() => undefined), { patience: 5, shutdownGrace: 0 });
    await funq.publish('work', [], { id: 'stuck' });
    const error = await refused(() => testing.drain());
    expect(error).toMatchObject({
      code: 'FUNQ_NOT_DRAINED',
      message: expect.stringContaining('Work.run (stuck #1)') as string,
    });
  });

  it('gives up on what lies too far ahead', async () => {
    const { funq, testing } = await working({}, () => undefined);
    await funq.publish('work', [], { delay: '40d' });
    expect((await refused(() => testing.drain())).message).toContain('1 of default/work unfinished');
    await testing.drain({ within: '41d' });
    expect(testing.runs()).toHaveLength(1);
    await expect(testing.drain({ within: 'soon' })).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
    await expect(testing.advance('soon')).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
  });
});

describe('closing an app under test', () => {
  it('leaves no timer, whatever was going on', async () => {
    class Store {
      constructor(@InjectStore('results') readonly results: ResultStore) {}
    }
    void Store;
    const { funq, clock, close, testing } = await working(
      { rate: 0.001, filter: true, persist: 'result', timeout: '1h', retry: { times: 3, delay: '1h' } },
      () => {
        throw new Error('no');
      },
    );
    await funq.publishMany('work', [[1], [2], [3]]);
    await funq.publish('work', [4], { delay: '1d' });
    await testing.advance('1m');
    await close();
    expect(clock.pending).toBe(0);
  });

  it('lets time pass for tasks in hand', async () => {
    const { funq, close, clock, testing } = await working({}, () => new Promise(() => undefined), { patience: 5 });
    await funq.publish('work');
    await testing.advance(0);
    await close();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(20_000);
    expect(clock.pending).toBe(0);
  });
});
