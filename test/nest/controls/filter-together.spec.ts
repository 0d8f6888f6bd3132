import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Consumer, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { TRAVELS } from '../../core/codec-values.js';
import { filtering, job } from '../support/filtering.js';
import { boot, collect, signal, turns } from '../support/app.js';
import { sharedStore } from '../support/shared-store.js';

describe('two equal calls at once', () => {
  it('never run at the same time; the second is skipped when the first has succeeded', async () => {
    const { funq, events, clock } = await filtering({});
    const open = signal();
    job.work = () => open.promise;
    const filtered = events.next('filtered');
    await funq.publishMany('jobs', [['x'], ['x']]);
    await clock.advance(500);
    expect(job.ran).toHaveLength(1);
    open.resolve();
    await turns();
    await clock.advance(50);
    await filtered;
    expect(job.ran).toHaveLength(1);
  });

  it('let the second run when the first has failed', async () => {
    const { funq, events, clock } = await filtering({});
    const open = signal();
    job.work = () => open.promise;
    const dead = events.next('dead');
    const done = events.next('done');
    await funq.publishMany('jobs', [['x'], ['x']]);
    await clock.advance(500);
    job.work = () => undefined;
    open.reject(new Error('no'));
    await dead;
    await clock.advance(50);
    await done;
    expect(job.ran).toHaveLength(2);
  });

  it('put the second back after a while, so that it holds no slot, as often as it takes', async () => {
    const { funq, events, clock } = await filtering({ concurrency: 2 });
    const open = signal();
    job.work = (name) => (name === 'x' ? open.promise : undefined);
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
    expect(job.ran).toEqual([['x'], ['y']]);
  });

  it('keep the claim of a long run alive', async () => {
    const { funq, clock } = await filtering({});
    job.work = () => clock.sleep(200_000);
    await funq.publish('jobs', ['x']);
    await clock.advance(100_000);
    await funq.publish('jobs', ['x']);
    await clock.advance(90_000);
    expect(job.ran).toHaveLength(1);
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
        job.ran.push(_key);
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
    expect([job.ran, most]).toEqual([[1], 1]);
  });
});

describe('a function that does not end, though its task was given back', () => {
  /** The second of two apps on one broker and store; the first has closed while its function of a task went on. */
  async function abandoned(work: () => unknown) {
    const clock = new ManualClock();
    const queues = new Map();
    const coordination = sharedStore();
    const first = signal();
    job.work = () => first.promise;
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', filter: { key: () => 'x' } })
      run(name: string): unknown {
        job.ran.push(name);
        return job.work(name);
      }
    }
    const start = () =>
      boot(
        { providers: [Job] },
        { clock, brokers: { default: memory({ queues }) }, stores: { coordination }, shutdownGrace: 0 },
      );
    const one = await start();
    await one.funq.publish('jobs', ['a']);
    await turns();
    await one.close();
    job.work = work;
    const two = await start();
    await turns();
    return { clock, first, two };
  }

  it('does not keep its claim: equal calls run when the task has failed elsewhere', async () => {
    const { clock, two } = await abandoned(() => {
      throw new Error('no');
    });
    job.work = () => undefined;
    await clock.advance(60_000);
    const done = two.events.next('done');
    await two.funq.publish('jobs', ['b']);
    await clock.advance(0);
    await done;
    expect(job.ran).toEqual(['a', 'a', 'b']);
    await two.close();
    expect(clock.pending).toBe(0);
  });

  it('does not free the claim of the run that took its place', async () => {
    const second = signal();
    const { clock, first, two } = await abandoned(() => second.promise);
    expect(job.ran).toEqual(['a', 'a']);
    await two.funq.publish('jobs', ['b']);
    await clock.advance(500);
    first.reject(new Error('too late'));
    await clock.advance(8000);
    expect(job.ran).toEqual(['a', 'a']);
    second.resolve();
    await turns();
    const filtered = two.events.next('filtered');
    await clock.advance(2000);
    await filtered;
  });
});

describe('a call that was executed when its task was given back', () => {
  it('is done, and not left out as a repeat of itself', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const coordination = sharedStore();
    const { confirm } = coordination;
    coordination.confirm = async (...args) => {
      const ours = await confirm.apply(coordination, args);
      await clock.sleep(4000);
      return ours;
    };
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', filter: true })
      run(name: string): string {
        job.ran.push(name);
        return `${name} is done`;
      }
    }
    const start = () =>
      boot(
        { providers: [Job] },
        { clock, brokers: { default: memory({ queues }) }, stores: { coordination }, shutdownGrace: 0 },
      );
    const caller = await boot({}, { clock, brokers: { default: memory({ queues }) } });
    const one = await start();
    const asked = caller.funq.ask('jobs', ['x']);
    await turns();
    await one.close();
    await start();
    await clock.advance(0);
    expect(await asked).toBe('x is done');
    expect(job.ran).toEqual(['x']);
  });
});

describe('callers of a filtered call', () => {
  it('get an error that says so', async () => {
    const { funq } = await filtering({});
    job.work = () => 'result';
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
    job.work = () => result;
    expect(await funq.ask('jobs', ['x'])).toEqual(result);
    expect(await funq.ask('jobs', ['x'])).toEqual(result);
    expect(job.ran).toHaveLength(1);
  });

  it('get every kind of value that a result may be', async () => {
    const { funq } = await filtering({ filter: { reply: 'cached' } });
    for (const [name, value] of TRAVELS) {
      job.work = value;
      const [first, second] = [await funq.ask('jobs', [name]), await funq.ask('jobs', [name])];
      expect(isDeepStrictEqual(second, first), name).toBe(true);
    }
    expect(job.ran).toHaveLength(TRAVELS.length);
  });

  it.each([
    ['was no data', () => () => 1],
    ['was larger than what may be sent', () => 'x'.repeat(1024 * 1024)],
  ])('get an error that says so when the result %s', async (_name, result) => {
    const { funq, run } = await filtering({ filter: { reply: 'cached' } });
    job.work = result;
    expect(await run('x')).toBe('done');
    await expect(funq.ask('jobs', ['x'])).rejects.toMatchObject({
      remoteCode: 'FUNQ_FILTERED',
      message: expect.stringContaining('its result was not kept') as string,
    });
  });

  it('wait for the first call while it runs, in another process too, and get its result', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const coordination = memoryCoordination();
    const open = signal<string>();
    let runs = 0;
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', concurrency: 1, filter: { reply: 'cached' } })
      run(_city: string): Promise<string> {
        runs++;
        return open.promise;
      }
    }
    const [one, two] = await Promise.all(
      [1, 2].map(() =>
        boot({ providers: [Job] }, { clock, brokers: { default: memory({ queues }) }, stores: { coordination } }),
      ),
    );
    // With one slot each, the second call is taken by the other process.
    const asked = [one!, two!].map(({ funq }) => funq.ask('jobs', ['Wuhan'], { replyTimeout: '1m' }));
    await clock.advance(7300);
    expect(runs).toBe(1);
    open.resolve('sunny');
    await turns();
    await clock.advance(2000);
    expect(await Promise.all(asked)).toEqual(['sunny', 'sunny']);
    expect(runs).toBe(1);
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
    expect(job.ran).toEqual([]);
    away = false;
    await clock.advance(1000);
    expect((await done).task.attempt).toBe(1);
  });

  it('for a moment does not bring a claim back that was given up meanwhile', async () => {
    const coordination = memoryCoordination();
    const { claim } = coordination;
    const { funq, events, clock } = await filtering({}, coordination);
    const open = signal();
    job.work = () => open.promise;
    await funq.publish('jobs', ['x']);
    await clock.advance(9000);
    coordination.claim = async (...args) => {
      await clock.sleep(3000);
      return claim.apply(coordination, args);
    };
    const dead = events.next('dead');
    await clock.advance(1500);
    coordination.claim = claim;
    open.reject(new Error('no'));
    await turns();
    await clock.advance(4500);
    await dead;
    job.work = () => undefined;
    const done = events.next('done');
    await funq.publish('jobs', ['x']);
    await clock.advance(2500);
    await done;
    expect(job.ran).toHaveLength(2);
  });

  it('while a run is confirmed does not undo the run', async () => {
    const coordination = memoryCoordination();
    coordination.confirm = () => Promise.reject(new Error('away'));
    const { run, events, clock } = await filtering({}, coordination);
    const told = events.next('storeError');
    const ran = run('x');
    await told;
    await clock.advance(15_000);
    expect(await ran).toBe('done');
    expect(job.ran).toHaveLength(1);
  });
});
