import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqConsumers, type ConsumerOptions, type CoordinationStore, type LiveOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, refused, signal, turns, type Booted, type Options } from '../support/app.js';

interface Live extends Booted {
  readonly consumers: FunqConsumers;
  readonly clock: ManualClock;
  /** When each task started. */
  readonly at: number[];
  /** How many run now. */
  running(): number;
  publish(count: number): Promise<unknown>;
}

/** An app with one consumer, whose tasks take `took` ms. */
async function live(options: ConsumerOptions, took = 0, app: Options = {}, clock = new ManualClock()): Promise<Live> {
  const at: number[] = [];
  let running = 0;
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', ...options })
    async run(): Promise<void> {
      at.push(clock.monotonic());
      running++;
      await clock.sleep(took);
      running--;
    }
  }
  const booted = await boot({ providers: [Job] }, { clock, ...app });
  const publish = (count: number) =>
    booted.funq.publishMany(
      'jobs',
      Array.from({ length: count }, (_, n) => [n]),
    );
  return { ...booted, consumers: booted.app.get(FunqConsumers), clock, at, running: () => running, publish };
}

/** As a store of a server would be: apps that open it see each other, and none closes it for the others. */
function sharedStore(): CoordinationStore {
  return Object.assign(memoryCoordination(), { shared: true, close: async () => undefined });
}

const gaps = (at: readonly number[]): number[] => at.slice(1).map((time, n) => time - at[n]!);

describe('a consumer is changed while it runs', () => {
  it('to a higher rate, within a second also for tasks that wait for a start far away', async () => {
    const { consumers, clock, at, publish } = await live({ rate: 0.01 });
    await publish(30);
    await clock.advance(5000);
    expect(at).toEqual([0]);
    await consumers.of('jobs').change({ rate: 10 });
    await clock.advance(3000);
    expect(at[1]).toBeLessThanOrEqual(6000);
    expect(at.length).toBeGreaterThanOrEqual(20);
    for (const gap of gaps(at.slice(1))) expect(gap).toBeCloseTo(100, 6);
  });

  it('to a higher rate, also for one that waited for an equal call before', async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const open = signal();
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: 0.01, filter: true })
      run(name: string): unknown {
        ran.push(name);
        return ran.length === 1 ? open.promise : undefined;
      }
    }
    const { app, funq, events } = await boot(
      { providers: [Job] },
      { clock, stores: { coordination: memoryCoordination() } },
    );
    const dead = events.next('dead');
    await funq.publishMany('jobs', [['a'], ['a']]);
    await clock.advance(300);
    open.reject(new Error('no'));
    await dead;
    await clock.advance(200);
    await funq.publishMany('jobs', [['b'], ['c'], ['d'], ['e']]);
    await clock.advance(200);
    expect(ran).toEqual(['a']);
    await app.get(FunqConsumers).of('jobs').change({ rate: 10 });
    await clock.advance(3000);
    expect(ran).toEqual(['a', 'a', 'b', 'c', 'd', 'e']);
  });

  it('to a lower rate', async () => {
    const { consumers, clock, at, publish } = await live({ rate: 100 });
    await publish(1000);
    await clock.advance(995);
    expect(at).toHaveLength(100);
    await consumers.of('jobs').change({ rate: 2 });
    await clock.advance(1000);
    const changed = at.length;
    await clock.advance(10_000);
    expect(at.length - changed).toBe(20);
    for (const gap of gaps(at.slice(changed))) expect(gap).toBeCloseTo(500, 6);
  });

  it('to no limit, and back to its own', async () => {
    const { consumers, clock, at, publish } = await live({ rate: 1 });
    await publish(150);
    await clock.advance(2500);
    expect(at).toHaveLength(3);
    await consumers.of('jobs').change({ rate: false });
    for (let n = 0; n < 10; n++) await clock.advance(50);
    expect(at).toHaveLength(150);
    await consumers.of('jobs').reset();
    expect(consumers.of('jobs').changes).toEqual({});
    await publish(100);
    await clock.advance(10_000);
    expect(at.length - 150).toBeGreaterThanOrEqual(10);
    expect(at.length - 150).toBeLessThanOrEqual(11);
  });

  it('with a limit for each key, which stays', async () => {
    const rate = { starts: 1, key: (n: number) => String(n % 2) };
    const { consumers, clock, at, publish } = await live({ rate });
    await consumers.of('jobs').change({ rate: 2 });
    await publish(20);
    await clock.advance(0);
    expect(at).toHaveLength(2);
    await clock.advance(10_000);
    expect(at).toHaveLength(20);
    expect(consumers.of('jobs').policy.rate).toMatchObject({ interval: 500, key: rate.key });
  });

  it('to more and to fewer slots', async () => {
    const { consumers, clock, running, publish } = await live({ concurrency: 2 }, 1000);
    await publish(200);
    await clock.advance(10);
    expect(running()).toBe(2);
    await consumers.of('jobs').change({ concurrency: 20 });
    await clock.advance(10);
    expect(running()).toBe(20);
    await consumers.of('jobs').change({ concurrency: 1 });
    await clock.advance(2000);
    expect(running()).toBe(1);
  });

  it('to more slots than its subscription was made for', async () => {
    const inner = memory();
    const asked: number[] = [];
    const broker = {
      ...inner,
      subscribe: (queue: string, options: { prefetch: number; lease: number }) => {
        asked.push(options.prefetch);
        return inner.subscribe(queue, options);
      },
    };
    const { consumers, clock, at, publish } = await live({ concurrency: 2 }, 0, { brokers: { default: broker } });
    await consumers.of('jobs').change({ concurrency: 20 });
    await publish(1);
    await clock.advance(10);
    await publish(10);
    await clock.advance(10);
    expect(asked).toEqual([4, 40]);
    expect(at).toHaveLength(11);
  });

  it('to a closed window, an open one and none', async () => {
    const { consumers, clock, at, publish } = await live({});
    const job = consumers.of('jobs');
    await job.change({ window: { deny: '00:00-24:00' } });
    await publish(3);
    await clock.advance(3_600_000);
    expect(at).toHaveLength(0);
    await job.change({ window: { allow: '00:00-24:00' } });
    await clock.advance(1000);
    expect(at).toHaveLength(3);
    await job.change({ window: false });
    expect(job.policy.window).toBeUndefined();
  });

  it('is paused and resumed, and what comes meanwhile is not lost', async () => {
    const { consumers, clock, at, publish, events } = await live({ rate: 100 });
    const told: boolean[] = [];
    events.on('window', ({ open }) => told.push(open));
    const job = consumers.of('jobs');
    await job.pause();
    expect(job.paused).toBe(true);
    await publish(5);
    await clock.advance(60_000);
    expect(at).toHaveLength(0);
    await job.resume();
    await clock.advance(1000);
    expect(at).toHaveLength(5);
    expect(told).toEqual([false, true]);
  });

  it('and tells what holds from then on', async () => {
    const { consumers, log } = await live({ rate: 1 });
    await consumers.of('jobs').change({ rate: { starts: 90, per: '1m' }, concurrency: 7 });
    expect(log.lines.map(({ text }) => text)).toContain('jobs: 1.5 starts per second, concurrency 7 from now on');
  });

  it('option by option: what is not named stays', async () => {
    const { consumers } = await live({ concurrency: 5 });
    const job = consumers.of('jobs');
    await job.change({ rate: 10 });
    await job.change({ concurrency: 9, rate: undefined });
    expect(job.policy).toMatchObject({ concurrency: 9, rate: { interval: 100 } });
    expect(job.changes).toEqual({ rate: 10, concurrency: 9 });
    expect(consumers.all().map(({ policy }) => policy.queue)).toEqual(['jobs']);
  });
});

describe('changes at the same time', () => {
  it.each([true, false])('of one process all hold, with a store: %s', async (stored) => {
    const stores = stored ? { coordination: sharedStore() } : {};
    const { consumers } = await live({ concurrency: 5 }, 0, { stores });
    const job = consumers.of('jobs');
    await Promise.all([job.change({ rate: 10 }), job.change({ concurrency: 9 }), job.pause()]);
    expect(job.changes).toEqual({ rate: 10, concurrency: 9, paused: true });
    await Promise.all([job.reset(), job.change({ rate: 7 })]);
    expect(job.changes).toEqual({ rate: 7 });
  });

  it('of several processes all hold', async () => {
    const [clock, coordination] = [new ManualClock(), sharedStore()];
    const start = () => live({}, 0, { stores: { coordination } }, clock);
    const [one, two] = [await start(), await start()];
    await one.consumers.of('jobs').change({ rate: 10 });
    await two.consumers.of('jobs').pause();
    await clock.advance(1000);
    for (const { consumers } of [one, two]) {
      expect(consumers.of('jobs').changes).toEqual({ rate: 10, paused: true });
    }
  });

  it('go on after one that was refused', async () => {
    const { consumers } = await live({});
    const job = consumers.of('jobs');
    const [refusedOne] = await Promise.allSettled([job.change({ concurrency: 0 }), job.change({ rate: 10 })]);
    expect([refusedOne.status, job.changes]).toEqual(['rejected', { rate: 10 }]);
  });
});

describe('a change is seen', () => {
  it('within a second by every process that shares the store, and by those that start later', async () => {
    const [clock, coordination] = [new ManualClock(), sharedStore()];
    const [one, two] = [
      await live({}, 0, { stores: { coordination } }, clock),
      await live({}, 0, { stores: { coordination } }, clock),
    ];
    await one.consumers.of('jobs').change({ rate: 10 });
    await clock.advance(1000);
    expect(two.consumers.of('jobs').policy.rate?.interval).toBe(100);
    const three = await live({}, 0, { stores: { coordination } }, clock);
    expect(three.consumers.of('jobs').policy.rate?.interval).toBe(100);
    await two.consumers.of('jobs').reset();
    await clock.advance(1000);
    for (const { consumers } of [one, two, three]) expect(consumers.of('jobs').policy.rate).toBeUndefined();
  });

  it('in this process only without a store', async () => {
    const clock = new ManualClock();
    const [one, two] = [await live({}, 0, {}, clock), await live({}, 0, {}, clock)];
    await one.consumers.of('jobs').change({ rate: 10 });
    await clock.advance(1000);
    expect(two.consumers.of('jobs').policy.rate).toBeUndefined();
  });

  it.each(['no JSON', '{"rate":-1}', '{"speed":1}', 'null', '[]'])(
    'and not believed when somebody wrote %s into the store',
    async (written) => {
      const [clock, coordination] = [new ManualClock(), sharedStore()];
      const { consumers, events } = await live({ rate: 10 }, 0, { stores: { coordination } }, clock);
      const told = events.next('storeError');
      await coordination.set('consumer/default/jobs', written);
      await clock.advance(1000);
      expect(String((await told).store)).toBe('settings of jobs');
      expect(consumers.of('jobs').policy.rate?.interval).toBe(100);
    },
  );

  it('when the store is back: a change that it did not take is refused', async () => {
    const [clock, coordination] = [new ManualClock(), sharedStore()];
    const { consumers } = await live({}, 0, { stores: { coordination } }, clock);
    const set = coordination.set;
    coordination.set = () => Promise.reject(new Error('away'));
    await expect(consumers.of('jobs').pause()).rejects.toThrow('away');
    expect(consumers.of('jobs').paused).toBe(false);
    coordination.set = set;
    await consumers.of('jobs').pause();
    expect(consumers.of('jobs').paused).toBe(true);
  });

  it('once, although the answer to an older question comes later', async () => {
    const [clock, coordination] = [new ManualClock(), sharedStore()];
    const { consumers, events } = await live({}, 0, { stores: { coordination } }, clock);
    const seen: boolean[] = [];
    events.on('changed', ({ paused }) => seen.push(paused));
    const { settings } = coordination;
    const gate = signal();
    const asked = signal();
    coordination.settings = async (prefix) => {
      const answer = await settings.call(coordination, prefix);
      asked.resolve();
      await gate.promise;
      return answer;
    };
    await clock.advance(500);
    await asked.promise;
    coordination.settings = settings;
    await consumers.of('jobs').pause();
    gate.resolve();
    await turns();
    expect(seen).toEqual([true]);
  });
});

describe('a change is refused', () => {
  it.each<[unknown, string]>([
    [{ rate: 0.0000001 }, 'change: rate'],
    [{ rate: -1 }, 'change: rate'],
    [{ rate: { starts: 1, key: () => 'x' } }, 'known are starts, per, burst'],
    [{ rate: { starts: 1, scope: 'shared' } }, 'scope'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ window: { allow: '25:00-26:00' } }, 'window'],
    [{ paused: 'yes' }, 'paused'],
    [{ retry: 3 }, 'retry'],
    [null, 'must be an object'],
  ])('%j', async (options, text) => {
    const { consumers } = await live({ rate: 5 });
    const error = await refused(() => consumers.of('jobs').change(options as LiveOptions));
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toContain(text);
    expect(consumers.of('jobs').policy.rate?.interval).toBe(200);
  });

  it('for a consumer that the app has not', async () => {
    const { consumers } = await live({});
    expect(() => consumers.of('mail')).toThrow("no consumer of this app has queue 'mail'; it has 'jobs'");
  });
});
