import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { filtering, job } from '../support/filtering.js';
import { boot, collect, signal, turns } from '../support/app.js';

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

  it('get an error when the result was no data', async () => {
    const { funq, run } = await filtering({ filter: { reply: 'cached' } });
    job.work = () => () => 1;
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
    expect(job.ran).toEqual([]);
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
