import { Injectable, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import { hostname } from 'node:os';
import { of } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  Consumer,
  CurrentTask,
  FUNQ_CODEC,
  RequeueError,
  ResultInterceptor,
  type Codec,
  type ResultStore,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { faulty } from '../../core/faulty-broker.js';
import { boot, collect, turns, type Booted } from '../support/app.js';

interface Tainted {
  toData: unknown;
}

@Injectable()
class Jobs {
  @Consumer({ queue: 'status', persist: 'status' })
  status(x: number): number {
    return x + 1;
  }
  @Consumer({ queue: 'result', persist: 'result', retry: 1 })
  result(x: unknown): unknown {
    if (x === 'fail') throw new Error('no');
    if (x === 'function') return () => 1;
    return { x };
  }
  @Consumer({ queue: 'mutating', persist: 'result' })
  mutating(list: unknown[]): void {
    list.push(() => 1);
  }
  @UseGuards({ canActivate: (context) => Boolean((context.getArgByIndex<Tainted>(0).toData = () => 1)) })
  @Consumer({ queue: 'tainted', persist: 'result' })
  tainted(_x: object): void {}
  @UseGuards({ canActivate: () => false })
  @Consumer({ queue: 'guarded', persist: 'result' })
  guarded(_x: string): void {}
  @Consumer({ queue: 'filtered', persist: 'status', filter: true })
  filtered(): void {}
  @UsePipes({
    transform: () => {
      throw new Error('no');
    },
  })
  @Consumer({ queue: 'piped', persist: 'status' })
  piped(_x: string): void {}
  @UseInterceptors({ intercept: () => of('answer') })
  @Consumer({ queue: 'answered', persist: 'status' })
  answered(): void {}
  @Consumer({ queue: 'paced', persist: 'status', rate: { starts: 1, per: '15s' }, expire: '10s' })
  paced(what?: string): void {
    if (what === 'fail') throw new Error('no');
  }
  @Consumer({ queue: 'again', persist: 'result', filter: true })
  again(x: string): string {
    return `result of ${x}`;
  }
  @Consumer({ queue: 'later', persist: 'status', retry: { times: 1, delay: '1m' } })
  later(what: string, @CurrentTask() task: Task): void {
    if (what === 'requeue') throw new RequeueError({ delay: 60_000 });
    if (what === 'discard') return task.discard('not needed');
    if (task.attempt === 1) throw new Error('later');
  }
}

interface Persisting extends Booted {
  readonly clock: ManualClock;
  readonly results: ResultStore;
  readonly saves: () => number[];
  readonly codec: Codec;
}

async function persisting(results = memoryResults(), broker = memory()): Promise<Persisting> {
  const clock = new ManualClock();
  const save = vi.spyOn(results, 'save');
  const stores = { results, coordination: memoryCoordination() };
  const booted = await boot({ providers: [Jobs] }, { clock, brokers: { default: broker }, stores });
  const codec = booted.app.get<Codec>(FUNQ_CODEC);
  return { ...booted, clock, results, codec, saves: () => save.mock.calls.map(([list]) => list.length) };
}

describe('a record', () => {
  it('holds the outcome and no content for status', async () => {
    const { funq, clock, results } = await persisting();
    await clock.advance(250);
    await funq.publish('status', [1], { id: 's', delay: 1000 });
    await clock.advance(2000);
    const record = await results.find('s');
    expect(record).toEqual({
      id: 's',
      queue: 'status',
      status: 'done',
      attempts: 1,
      publishedAt: Date.UTC(2026, 0, 1) + 250,
      startedAt: Date.UTC(2026, 0, 1) + 1250,
      finishedAt: Date.UTC(2026, 0, 1) + 1250,
      host: hostname(),
      pid: process.pid,
      expiresAt: Date.UTC(2026, 0, 8) + 1250,
    });
  });

  it('holds arguments and result as the codec writes them for result', async () => {
    const { funq, clock, results, codec } = await persisting();
    const argument = { at: new Date(3), big: 2n };
    await funq.publish('result', [argument], { id: 'r' });
    await clock.advance(1000);
    const record = (await results.find('r'))!;
    expect(codec.decodeValue(record.args!)).toEqual([argument]);
    expect(codec.decodeValue(record.value!)).toEqual({ x: argument });
  });

  it('holds the error and the arguments of a failure', async () => {
    const { funq, clock, results, codec } = await persisting();
    await funq.publish('result', ['fail'], { id: 'f' });
    await clock.advance(1000);
    const record = (await results.find('f'))!;
    expect(record).toMatchObject({ status: 'dead', attempts: 2, reason: 'no', error: { message: 'no', attempt: 2 } });
    expect(codec.decodeValue(record.args!)).toEqual(['fail']);
    expect(record.value).toBeUndefined();
  });

  it('says that a result was no data; the task is done all the same', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('result', ['function'], { id: 'u' });
    await clock.advance(1000);
    expect(await results.find('u')).toMatchObject({ status: 'done', unserializable: true });
  });

  it('has the arguments as they arrived, whatever the method did to them', async () => {
    const { funq, clock, results, codec } = await persisting();
    await funq.publish('mutating', [[1]], { id: 'm' });
    await clock.advance(1000);
    expect(codec.decodeValue((await results.find('m'))!.args!)).toEqual([[1]]);
  });

  it('does without arguments that an interceptor has made unfit to be data', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('tainted', [{ at: 1 }], { id: 'i' });
    await clock.advance(1000);
    const { status, unserializable, args } = (await results.find('i'))!;
    expect([status, unserializable, args]).toEqual(['done', true, undefined]);
  });

  it('is kept as long as asked', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('status', [1], { id: 't', persist: { result: true, ttl: '10s' } });
    await clock.advance(9999);
    expect((await results.find('t'))?.value).toBeDefined();
    await clock.advance(1);
    expect(await results.find('t')).toBeUndefined();
  });
});

describe('every end of a task has a record', () => {
  it.each<[string, string, unknown[], object]>([
    ['refused by a guard', 'guarded', ['x'], { status: 'dead', attempts: 0, error: { name: 'ForbiddenException' } }],
    ['to run again later', 'later', ['retry'], { status: 'retrying', attempts: 1, error: { message: 'later' } }],
    ['requeued', 'later', ['requeue'], { status: 'requeued' }],
    ['discarded by its handler', 'later', ['discard'], { status: 'discarded', attempts: 1, reason: 'not needed' }],
    ['refused by a pipe', 'piped', ['x'], { status: 'dead', attempts: 1 }],
    ['answered by an interceptor', 'answered', [], { status: 'done', attempts: 1 }],
  ])('%s', async (_name, queue, args, expected) => {
    const { funq, clock, results } = await persisting();
    await funq.publish(queue, args, { id: 'x' });
    await clock.advance(1000);
    expect(await results.find('x')).toMatchObject({ queue, ...expected });
  });

  it('expired, or given back, before it got a start', async () => {
    const { funq, clock, results, close } = await persisting();
    for (const id of ['first', 'late', 'back'])
      await funq.publish('paced', [], { id, ...(id === 'back' && { expire: 0 }) });
    await clock.advance(20_000);
    expect(await results.find('first')).toMatchObject({ status: 'done', attempts: 1 });
    expect(await results.find('late')).toMatchObject({ status: 'expired', attempts: 0 });
    await close();
    expect(vi.mocked(results.save).mock.lastCall![0]).toMatchObject([{ id: 'back', status: 'released', attempts: 0 }]);
  });

  it('expired before its next run', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('paced', ['fail'], { id: 'x', retry: 3 });
    await clock.advance(20_000);
    expect(await results.find('x')).toMatchObject({ status: 'expired', attempts: 1, error: { message: 'no' } });
  });

  it('filtered', async () => {
    const { funq, clock, results, events } = await persisting();
    const ends = Promise.all([events.next('done'), events.next('filtered')]);
    await funq.publish('filtered', [], { id: 'one' });
    await funq.publish('filtered', [], { id: 'two' });
    await clock.advance(2000);
    await ends;
    const [one, two] = [await results.find('one'), await results.find('two')];
    expect([one?.status, two?.status].toSorted()).toEqual(['done', 'filtered']);
  });

  it('executed before, and come back because it could not be acknowledged', async () => {
    let refused = 0;
    const ack = (): Promise<never> | undefined => (++refused <= 5 ? Promise.reject(new Error('away')) : undefined);
    const broker = faulty(memory(), { ack: (next, list) => ack() ?? next(list) });
    const { funq, clock, results, codec } = await persisting(memoryResults(), broker);
    await funq.publish('again', ['x'], { id: 'x' });
    await clock.advance(60_000);
    expect(refused).toBeGreaterThan(5);
    const record = (await results.find('x'))!;
    expect(record).toMatchObject({ status: 'done', attempts: 1 });
    expect(codec.decodeValue(record.value!)).toBe('result of x');
    expect(record.unserializable).toBeUndefined();
  });

  it('and the one of an earlier run does not take the place of the last, though its acknowledgement takes long', async () => {
    const [clock, queues, results] = [new ManualClock(), new Map(), memoryResults()];
    let taken = 0;
    // It takes one task, and its acknowledgement comes late.
    const slow = faulty(memory({ queues }), {
      receive: async (next, max, stop) => {
        if (taken > 0) await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
        const deliveries = await next(max, stop);
        taken += deliveries.length;
        return deliveries;
      },
      ack: async (next, list) => {
        await clock.sleep(2000);
        return next(list);
      },
    });
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', persist: 'status' })
      run(@CurrentTask() task: Task): void {
        if (task.requeues === 0) throw new RequeueError({ delay: 100 });
      }
    }
    const stores = { results };
    const one = await boot({ providers: [Job] }, { clock, brokers: { default: slow }, stores });
    await one.funq.publish('jobs', [], { id: 'x' });
    await turns();
    const two = await boot({ providers: [Job] }, { clock, brokers: { default: memory({ queues }) }, stores });
    const done = two.events.next('done');
    const requeued = one.events.next('requeued');
    await clock.advance(4000);
    await Promise.all([done, requeued]);
    await clock.advance(1000);
    expect(await results.find('x')).toMatchObject({ status: 'done' });
  });

  it('and the last one stands', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('later', ['retry'], { id: 'x' });
    await clock.advance(1000);
    expect((await results.find('x'))?.status).toBe('retrying');
    await clock.advance(61_000);
    expect(await results.find('x')).toMatchObject({ status: 'done', attempts: 2 });
  });
});

describe('records are written together', () => {
  it('half a second after the first', async () => {
    const { funq, clock, saves } = await persisting();
    await funq.publishMany(
      'status',
      Array.from({ length: 20 }, (_, n) => [n]),
    );
    await clock.advance(499);
    expect(saves()).toEqual([]);
    await clock.advance(1);
    expect(saves()).toEqual([20]);
    await funq.publish('status', [1]);
    await clock.advance(500);
    expect(saves()).toEqual([20, 1]);
  });

  it('at once when there are five hundred', async () => {
    const { funq, events, saves } = await persisting();
    const ends = collect(events, 'done', 700);
    await funq.publishMany(
      'status',
      Array.from({ length: 700 }, (_, n) => [n]),
    );
    await ends;
    await turns();
    expect(saves()).toEqual([500]);
  });

  it('at shutdown', async () => {
    const { funq, close, saves, events, results } = await persisting();
    const ends = collect(events, 'done', 3);
    const closed = vi.spyOn(results, 'close');
    const saved = vi.spyOn(results, 'save');
    await funq.publishMany('status', [[1], [2], [3]]);
    await ends;
    await close();
    expect(saves()).toEqual([3]);
    expect(saved.mock.invocationCallOrder[0]).toBeLessThan(closed.mock.invocationCallOrder[0]!);
  });
});

describe('a store that fails', () => {
  it("never changes a task's outcome, and gets the records later", async () => {
    const results = memoryResults();
    const save = results.save.bind(results);
    let away = true;
    results.save = (list) => (away ? Promise.reject(new Error('away')) : save(list));
    const { funq, events, clock } = await persisting(results);
    const told = events.next('storeError');
    const done = events.next('done');
    const dead = events.next('dead');
    await funq.publish('status', [1], { id: 'a' });
    await funq.publish('result', ['fail'], { id: 'b' });
    expect((await done).value).toBe(2);
    await dead;
    await clock.advance(500);
    expect((await told).error).toMatchObject({ message: 'away' });
    away = false;
    await clock.advance(10_000);
    expect([(await results.find('a'))?.status, (await results.find('b'))?.status]).toEqual(['done', 'dead']);
  });

  it('for one record tells of that one', async () => {
    const results = memoryResults();
    const save = results.save.bind(results);
    results.save = async (list) => {
      await save(list.slice(1));
      return [{ index: 0, error: new Error('too large') }];
    };
    const { funq, events, clock } = await persisting(results);
    const dropped = events.next('resultsDropped');
    await funq.publishMany('status', [[1], [2]]);
    await clock.advance(500);
    expect(await dropped).toMatchObject({ count: 1, error: { message: 'too large' } });
  });

  it('at shutdown costs the records and not the shutdown', async () => {
    const results = memoryResults();
    results.save = () => Promise.reject(new Error('away'));
    const { funq, events, close, app } = await persisting(results);
    const done = events.next('done');
    const dropped = events.next('resultsDropped');
    await funq.publish('status', [1]);
    await done;
    await close();
    expect((await dropped).count).toBe(1);
    expect(app.get(ResultInterceptor)).toBeDefined();
  });
});
