import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, type ConsumerOptions, type RateOptions, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { faulty } from '../../core/faulty-broker.js';
import { boot, signal, turns, type Options } from '../support/app.js';

/** Start times of `count` tasks that take `took` ms each. */
async function starts(
  options: ConsumerOptions,
  count: number,
  took: (n: number) => number = () => 0,
  app: Options = {},
): Promise<number[]> {
  const clock = new ManualClock();
  const at: number[] = [];
  @Injectable()
  class Job {
    @Consumer(options)
    async run(n: number): Promise<void> {
      at.push(clock.monotonic());
      await clock.sleep(took(n));
    }
  }
  const { funq } = await boot({ providers: [Job] }, { clock, ...app });
  await funq.publishMany(
    'Job.run',
    Array.from({ length: count }, (_, n) => [n]),
  );
  for (let n = 0; n < 600 && at.length < count; n++) await clock.advance(1000);
  return at;
}

const spaced = (count: number, interval: number): number[] => Array.from({ length: count }, (_, n) => n * interval);

describe('rate counts starts on an absolute schedule', () => {
  it.each<[string, number | RateOptions, number]>([
    ['five a second', 5, 200],
    ['thirty a second', 30, 1000 / 30],
    ['one in a hundred seconds', 0.01, 100_000],
    ['three a minute', { starts: 3, per: '1m' }, 20_000],
  ])('%s', async (_name, rate, interval) => {
    const at = await starts({ rate }, 6);
    for (const [n, time] of at.entries()) expect(time).toBeCloseTo(n * interval, 6);
    expect(at).toHaveLength(6);
  });

  it("whatever the function's duration, with as many slots as that takes", async () => {
    expect(await starts({ rate: 10 }, 40, (n) => (n * 797) % 3000)).toEqual(spaced(40, 100));
  });

  it('within the concurrency that was asked for', async () => {
    expect(await starts({ rate: 10, concurrency: 2 }, 4, () => 1000)).toEqual([0, 100, 1000, 1100]);
  });

  it('in bursts where that is allowed', async () => {
    expect(await starts({ rate: { starts: 10, burst: 3 } }, 6)).toEqual([0, 0, 0, 100, 200, 300]);
  });

  it('for retries too', async () => {
    const clock = new ManualClock();
    const at: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ rate: 2, retry: 2 })
      run(name: string, @CurrentTask() { attempt }: Task): void {
        at.push([clock.monotonic(), name, attempt]);
        if (name === 'bad') throw new Error('no');
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock });
    await funq.publish('Job.run', ['bad']);
    await clock.advance(10);
    await funq.publish('Job.run', ['good']);
    await clock.advance(5000);
    expect(at).toEqual([
      [0, 'bad', 1],
      [500, 'bad', 2],
      [1000, expect.any(String), expect.any(Number)],
      [1500, expect.any(String), expect.any(Number)],
    ]);
  });

  it('apart for each key of the arguments, none waiting for another', async () => {
    const clock = new ManualClock();
    const at: Record<string, number[]> = { a: [], b: [], c: [] };
    @Injectable()
    class Job {
      @Consumer({ rate: { starts: 1, key: (host: string) => host } })
      run(host: string): void {
        at[host]!.push(clock.monotonic());
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock });
    await funq.publishMany(
      'Job.run',
      ['a', 'a', 'a', 'b', 'a', 'b', 'c'].map((host) => [host]),
    );
    await clock.advance(10_000);
    expect(at).toEqual({ a: [0, 1000, 2000, 3000], b: [0, 1000], c: [0] });
  });

  it('through the store, for all processes together', async () => {
    const clock = new ManualClock();
    const coordination = memoryCoordination();
    const queues = new Map();
    const at: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ rate: { starts: 4, scope: 'shared' } })
      run(): void {
        at.push(clock.monotonic());
      }
    }
    const apps = await Promise.all(
      [1, 2].map(() =>
        boot({ providers: [Job] }, { clock, brokers: { default: memory({ queues }) }, stores: { coordination } }),
      ),
    );
    await apps[0]!.funq.publishMany(
      'Job.run',
      Array.from({ length: 8 }, () => []),
    );
    await clock.advance(10_000);
    // 0.8 % of the limit is left free: it makes good what starts may be late in one process and not in another.
    for (const [n, time] of at.entries()) expect(time).toBeCloseTo(n * 252, 6);
    expect(at).toHaveLength(8);
  });

  it('each process for its share without the store, so that all keep the limit', async () => {
    const clock = new ManualClock();
    const coordination = Object.assign(memoryCoordination(), {
      shared: true,
      reserve: () => Promise.reject(new Error('away')),
    });
    const queues = new Map();
    const at: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ rate: { starts: 4, scope: 'shared' } })
      run(): void {
        at.push(clock.monotonic());
      }
    }
    const [one] = await Promise.all(
      [1, 2].map(() =>
        boot({ providers: [Job] }, { clock, brokers: { default: memory({ queues }) }, stores: { coordination } }),
      ),
    );
    await clock.advance(5000);
    await one!.funq.publishMany(
      'Job.run',
      Array.from({ length: 20 }, () => []),
    );
    await clock.advance(10_000);
    expect(at).toHaveLength(20);
    expect(at.at(-1)! - at[0]!).toBeGreaterThanOrEqual(9 * 500);
  });

  it('each process for itself without the store, and that is told', async () => {
    const coordination = memoryCoordination();
    coordination.reserve = () => Promise.reject(new Error('away'));
    const clock = new ManualClock();
    const at: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ rate: { starts: 4, scope: 'shared' } })
      run(): void {
        at.push(clock.monotonic());
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock, stores: { coordination } });
    const told = events.next('storeError');
    await funq.publishMany('Job.run', [[], [], []]);
    await clock.advance(1000);
    expect(at).toEqual(spaced(3, 250));
    expect((await told).error).toMatchObject({ message: 'away' });
  });

  it('and is not told as ended late when its task is lost before its start', async () => {
    const clock = new ManualClock();
    const lost = signal();
    let gone = false;
    const broker = faulty(memory(), {
      extend: async (deliveries) => {
        if (!gone || deliveries.length === 0) return [];
        lost.resolve();
        return deliveries;
      },
    });
    @Injectable()
    class Job {
      @Consumer({ rate: { starts: 1, per: '1h' } })
      run(): void {}
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock, brokers: { default: broker } });
    const told: string[] = [];
    for (const name of ['done', 'late', 'leaseLost', 'released'] as const) events.on(name, () => void told.push(name));
    await funq.publishMany('Job.run', [[], []]);
    await turns();
    gone = true;
    await clock.advance(4000);
    await lost.promise;
    await turns();
    expect(told).toEqual(['done', 'leaseLost']);
  });

  it('with a warning, once a minute, when every slot is busy and it can not be kept', async () => {
    const clock = new ManualClock();
    const open = signal();
    @Injectable()
    class Job {
      @Consumer({ rate: 10_000 })
      run(): Promise<void> {
        return open.promise;
      }
    }
    const { funq, events, log } = await boot({ providers: [Job] }, { clock });
    const bound = events.next('rateBound');
    await funq.publishMany(
      'Job.run',
      Array.from({ length: 600 }, () => []),
    );
    await clock.advance(5000);
    expect((await bound).concurrency).toBe(500);
    expect(log.find("its rate can't be kept")).toMatchObject([
      { level: 'warn', text: "Job.run: all 500 slots are busy, its rate can't be kept" },
    ]);
    await clock.advance(50_000);
    expect(log.find("its rate can't be kept")).toHaveLength(1);
    open.resolve();
    await turns();
  });
});
