import { Injectable } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { Consumer, CurrentTask, RequeueError, type Task } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { filtering, job } from '../support/filtering.js';
import { boot, signal } from '../support/app.js';

describe('a call equal to one that was executed', () => {
  it('is skipped for ever without a TTL', async () => {
    const coordination = memoryCoordination();
    const confirmed = vi.spyOn(coordination, 'confirm');
    const { run, clock } = await filtering({}, coordination);
    expect([await run(1, 2), await run(1, 2), await run(2, 1)]).toEqual(['done', 'filtered', 'done']);
    expect(confirmed.mock.calls.map(([, , ttl]) => ttl)).toEqual([undefined, undefined]);
    await clock.advance(3_600_000);
    expect(await run(1, 2)).toBe('filtered');
    expect(job.ran).toHaveLength(2);
  });

  it('is skipped for exactly its TTL, counted from completion', async () => {
    const { run, clock } = await filtering({ filter: { ttl: '30m' } });
    const ttl = 30 * 60_000;
    const open = signal();
    job.work = () => open.promise;
    const first = run('x');
    await clock.advance(5000);
    job.work = () => undefined;
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
    job.work = () => {
      throw new Error('no');
    };
    expect(await run('x')).toBe('dead');
    job.work = () => undefined;
    expect([await run('x'), await run('x')]).toEqual(['done', 'filtered']);
    expect(job.ran).toHaveLength(3);
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
        return job.work();
      }
    }
    const clock = new ManualClock();
    const { funq, events } = await boot(
      { providers: [Job] },
      { clock, stores: { coordination: memoryCoordination() } },
    );
    job.work = first;
    const back = Promise.race([events.next('requeued'), events.next('discarded')]);
    await funq.publish('jobs');
    await back;
    job.work = () => undefined;
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
