import { Injectable } from '@nestjs/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Consumer,
  CurrentTask,
  RequeueError,
  type ConsumerOptions,
  type CoordinationStore,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect, signal, turns, type Booted } from '../support/app.js';

const ran: unknown[] = [];
let work: (...args: unknown[]) => unknown;
beforeEach(() => {
  ran.length = 0;
  work = () => undefined;
});

interface Filtering extends Booted {
  readonly clock: ManualClock;
  /** Runs a task to whatever end it has and tells its name. */
  run(...args: unknown[]): Promise<string>;
}

async function filtering(options: ConsumerOptions, coordination = memoryCoordination()): Promise<Filtering> {
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', filter: true, ...options })
    async job(...args: unknown[]): Promise<unknown> {
      ran.push(args);
      return work(...args);
    }
  }
  const clock = new ManualClock();
  const booted = await boot({ providers: [Job] }, { clock, stores: { coordination } });
  const run = async (...args: unknown[]): Promise<string> => {
    const ends = (['done', 'filtered', 'dead', 'requeued', 'deferred', 'discarded'] as const).map((name) =>
      booted.events.next(name).then(() => name),
    );
    await booted.funq.publish('jobs', args);
    return Promise.race(ends);
  };
  return { ...booted, clock, run };
}

describe('a call equal to one that was executed', () => {
  it('is skipped for ever without a TTL', async () => {
    const coordination = memoryCoordination();
    const confirmed = vi.spyOn(coordination, 'confirm');
    const { run, clock } = await filtering({}, coordination);
    expect([await run(1, 2), await run(1, 2), await run(2, 1)]).toEqual(['done', 'filtered', 'done']);
    expect(confirmed.mock.calls.map(([, , ttl]) => ttl)).toEqual([undefined, undefined]);
    await clock.advance(3_600_000);
    expect(await run(1, 2)).toBe('filtered');
    expect(ran).toHaveLength(2);
  });

  it('is skipped for exactly its TTL, counted from completion', async () => {
    const { run, clock } = await filtering({ filter: { ttl: '30m' } });
    const ttl = 30 * 60_000;
    const open = signal();
    work = () => open.promise;
    const first = run('x');
    await clock.advance(5000);
    work = () => undefined;
    open.resolve();
    expect(await first).toBe('done');
    await clock.advance(ttl - 1);
    expect(await run('x')).toBe('filtered');
    await clock.advance(1);
    expect(await run('x')).toBe('done');
  });

  it.each([
    ['whatever the order of keys, at any depth', [{ a: 1, b: { c: 2, d: [3] } }], [{ b: { d: [3], c: 2 }, a: 1 }]],
    ['with dates', [new Date(7)], [new Date(7)]],
    ['with what was left out', ['x', undefined], ['x']],
    ['with large numbers', [10n ** 30n], [10n ** 30n]],
  ])('is recognised %s', async (_name, first, second) => {
    const { run } = await filtering({});
    expect([await run(...first), await run(...second)]).toEqual(['done', 'filtered']);
  });

  it.each([
    ['another type', ['1'], [1]],
    ['another order of values', [[1, 2]], [[2, 1]]],
    ['a date and its text', [new Date(7)], [new Date(7).toISOString()]],
    ['a missing and a null argument', ['x'], ['x', null]],
  ])('is not confused with %s', async (_name, first, second) => {
    const { run } = await filtering({});
    expect([await run(...first), await run(...second)]).toEqual(['done', 'done']);
  });

  it('is what the key says', async () => {
    const { run } = await filtering({ filter: { key: (user: { id: number }) => `user ${user.id}` } });
    expect([await run({ id: 1, at: 1 }), await run({ id: 1, at: 2 }), await run({ id: 2 })]).toEqual([
      'done',
      'filtered',
      'done',
    ]);
  });

  it('is not skipped when the first one failed', async () => {
    const { run } = await filtering({ retry: 1 });
    work = () => {
      throw new Error('no');
    };
    expect(await run('x')).toBe('dead');
    work = () => undefined;
    expect([await run('x'), await run('x')]).toEqual(['done', 'filtered']);
    expect(ran).toHaveLength(3);
  });

  it.each<[string, () => unknown]>([
    [
      'threw a RequeueError',
      () => {
        throw new RequeueError({ delay: 1e6 });
      },
    ],
    ['was discarded by its handler', () => current!.discard('not needed')],
    ['was put back by its handler', () => current!.requeue(1e6)],
  ])('is not skipped when the first one %s', async (_name, first) => {
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', filter: true })
      run(@CurrentTask() task: Task): unknown {
        current = task;
        return work();
      }
    }
    const clock = new ManualClock();
    const { funq, events } = await boot(
      { providers: [Job] },
      { clock, stores: { coordination: memoryCoordination() } },
    );
    work = first;
    const back = Promise.race([events.next('requeued'), events.next('discarded')]);
    await funq.publish('jobs');
    await back;
    work = () => undefined;
    const done = events.next('done');
    await funq.publish('jobs');
    await done;
  });
  let current: Task | undefined;

  it('of another queue is another call', async () => {
    @Injectable()
    class Jobs {
      @Consumer({ filter: true })
      one(_x: number): string {
        return 'one';
      }
      @Consumer({ filter: true })
      two(_x: number): string {
        return 'two';
      }
    }
    const { funq } = await boot({ providers: [Jobs] }, { stores: { coordination: memoryCoordination() } });
    expect([await funq.ask(Jobs).one(1), await funq.ask(Jobs).two(1)]).toEqual(['one', 'two']);
  });
});

describe('two equal calls at once', () => {
  it('never run at the same time; the second is skipped when the first has succeeded', async () => {
    const { funq, events, clock } = await filtering({});
    const open = signal();
    work = () => open.promise;
    const filtered = events.next('filtered');
    await funq.publishMany('jobs', [['x'], ['x']]);
    await clock.advance(500);
    expect(ran).toHaveLength(1);
    open.resolve();
    await turns();
    await clock.advance(50);
    await filtered;
    expect(ran).toHaveLength(1);
  });

  it('let the second run when the first has failed', async () => {
    const { funq, events, clock } = await filtering({});
    const open = signal();
    work = () => open.promise;
    const dead = events.next('dead');
    const done = events.next('done');
    await funq.publishMany('jobs', [['x'], ['x']]);
    await clock.advance(500);
    work = () => undefined;
    open.reject(new Error('no'));
    await dead;
    await clock.advance(50);
    await done;
    expect(ran).toHaveLength(2);
  });

  it('put the second back after a while, so that it holds no slot, as often as it takes', async () => {
    const { funq, events, clock } = await filtering({ concurrency: 2 });
    const open = signal();
    work = (name) => (name === 'x' ? open.promise : undefined);
    const deferred = collect(events, 'deferred', 3);
    const other = events.next('done', ({ task }) => task.args[0] === 'y');
    const filtered = events.next('filtered');
    await funq.publishMany('jobs', [['x'], ['x'], ['y']]);
    await clock.advance(1100);
    await other;
    await clock.advance(10_000);
    expect((await deferred).map(({ task }) => [task.attempt, task.requeues])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    open.resolve();
    await turns();
    await clock.advance(2500);
    await filtered;
    expect(ran).toEqual([['x'], ['y']]);
  });

  it('keep the claim of a long run alive', async () => {
    const { funq, clock } = await filtering({});
    work = () => clock.sleep(200_000);
    await funq.publish('jobs', ['x']);
    await clock.advance(100_000);
    await funq.publish('jobs', ['x']);
    await clock.advance(90_000);
    expect(ran).toHaveLength(1);
  });

  it('hold for several processes, through the store', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const coordination = memoryCoordination();
    let running = 0;
    let most = 0;
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', filter: true })
      async run(_key: number): Promise<void> {
        most = Math.max(most, ++running);
        ran.push(_key);
        await clock.sleep(100);
        running--;
      }
    }
    const apps = await Promise.all(
      [1, 2, 3].map(() =>
        boot({ providers: [Job] }, { clock, brokers: { default: memory({ queues }) }, stores: { coordination } }),
      ),
    );
    await apps[0]!.funq.publishMany(
      'jobs',
      Array.from({ length: 30 }, () => [1]),
    );
    await clock.advance(20_000);
    expect([ran, most]).toEqual([[1], 1]);
  });
});

describe('callers of a filtered call', () => {
  it('get an error that says so', async () => {
    const { funq } = await filtering({});
    work = () => 'result';
    expect(await funq.ask('jobs', ['x'])).toBe('result');
    await expect(funq.ask('jobs', ['x'])).rejects.toMatchObject({ remoteCode: 'FUNQ_FILTERED' });
  });

  it.each<[string, unknown]>([
    ['a text', 'result'],
    ['an object', { at: new Date(5), list: [1n] }],
    ['null', null],
    ['nothing', undefined],
    ['false', false],
  ])("get the stored result with reply: 'cached': %s", async (_name, result) => {
    const { funq } = await filtering({ filter: { reply: 'cached' } });
    work = () => result;
    expect(await funq.ask('jobs', ['x'])).toEqual(result);
    expect(await funq.ask('jobs', ['x'])).toEqual(result);
    expect(ran).toHaveLength(1);
  });

  it('get an error when the result was no data', async () => {
    const { funq, run } = await filtering({ filter: { reply: 'cached' } });
    work = () => () => 1;
    expect(await run('x')).toBe('done');
    await expect(funq.ask('jobs', ['x'])).rejects.toMatchObject({ remoteCode: 'FUNQ_FILTERED' });
  });
});

describe('a store that is away', () => {
  it('puts the task back unharmed, and that is told', async () => {
    const coordination = memoryCoordination();
    const { claim } = coordination;
    let away = true;
    const flaky: CoordinationStore = Object.assign(coordination, {
      claim: (...args: Parameters<typeof claim>) =>
        away ? Promise.reject(new Error('away')) : claim.apply(coordination, args),
    });
    const { funq, events, clock } = await filtering({}, flaky);
    const told = events.next('storeError');
    const deferred = events.next('deferred');
    const done = events.next('done');
    await funq.publish('jobs', ['x']);
    expect((await told).error).toMatchObject({ message: 'away' });
    expect((await deferred).delay).toBe(1000);
    expect(ran).toEqual([]);
    away = false;
    await clock.advance(1000);
    expect((await done).task.attempt).toBe(1);
  });

  it('while a run is confirmed does not undo the run', async () => {
    const coordination = memoryCoordination();
    coordination.confirm = () => Promise.reject(new Error('away'));
    const { run, events } = await filtering({}, coordination);
    const told = events.next('storeError');
    expect(await run('x')).toBe('done');
    await told;
  });
});
