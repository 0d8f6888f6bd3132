import { Injectable, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqCounters, type Broker, type ConsumerCounters, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Booted } from '../support/app.js';

/** As of a server: apps that open it see the same, and none closes it for the others. */
function shared(): { readonly broker: Broker; readonly coordination: CoordinationStore } {
  const open = { close: async () => undefined };
  return {
    broker: Object.assign(memory(), open),
    coordination: Object.assign(memoryCoordination(), { shared: true }, open),
  };
}

/** Ten starts a second, and each takes no time. */
function steady(): Type {
  @Injectable()
  class Steady {
    @Consumer({ queue: 'jobs', rate: 10 })
    run(): void {}
  }
  return Steady;
}

const none = (count: number): [][] => Array.from({ length: count }, () => []);
const read = ({ app }: Booted): Promise<ConsumerCounters> => app.get(FunqCounters).of('jobs');

describe('the time left', () => {
  it('is told at the first reading by the pace alone, and afterwards by what remains', async () => {
    const clock = new ManualClock();
    const one = await boot({ providers: [steady()] }, { clock });
    expect(await read(one)).toMatchObject({ remaining: 0, eta: 0 });
    await one.funq.publishMany('jobs', none(1000));
    const before = await read(one);
    expect(before).toMatchObject({ remaining: 1000 - before.total.done, eta: undefined });
    await clock.advance(20_000);
    const first = await read(one);
    expect(first.last10s).toMatchObject({ done: 100, rate: 10, seconds: 10 });
    expect(first.all).toEqual({ processes: 1, running: first.running, rate10s: 10, rate60s: first.last60s.rate });
    expect(first.remaining).toBe(1000 - first.total.done);
    expect(first.eta).toBeCloseTo(first.remaining! * 100, -3);
    await clock.advance(10_000);
    const second = await read(one);
    expect(second.remaining).toBe(first.remaining! - 100);
    expect(second.eta).toBe(second.remaining! * 100);
    for (let n = 0; n < 20; n++) await clock.advance(10_000);
    expect(await read(one)).toMatchObject({ remaining: 0, running: 0, eta: 0, last60s: { done: 0, rate: 0 } });
  });

  it('is net of what comes in, and growing when as much comes in as ends', async () => {
    const clock = new ManualClock();
    const one = await boot({ providers: [steady()] }, { clock });
    const seconds = async (count: number, inflow: number): Promise<ConsumerCounters['eta']> => {
      for (let n = 0; n < count; n++) {
        await one.funq.publishMany('jobs', none(inflow));
        await clock.advance(1000);
      }
      return (await read(one)).eta;
    };
    await one.funq.publishMany('jobs', none(500));
    await seconds(10, 10);
    expect(await seconds(11, 10)).toBe('growing');
    expect(await seconds(11, 15)).toBe('growing');
    await seconds(11, 4);
    const { remaining, eta } = (await seconds(11, 4), await read(one));
    // Ten end and four come in.
    expect(eta).toBeCloseTo((remaining! / 6) * 1000, -4);
  });

  it('is unknown as long as nothing moves, although something waits', async () => {
    const clock = new ManualClock();
    const one = await boot({ providers: [steady()] }, { clock, consume: false });
    await one.funq.publishMany('jobs', none(5));
    for (let n = 0; n < 3; n++) {
      expect(await read(one)).toMatchObject({ remaining: 5, eta: undefined });
      await clock.advance(20_000);
    }
  });
});

describe('two processes', () => {
  it('count what they did themselves, and know the pace, the work in hand and the time left of both', async () => {
    const clock = new ManualClock();
    const { broker, coordination } = shared();
    const options = { clock, brokers: { default: broker }, stores: { coordination } };
    const one = await boot({ providers: [steady()] }, options);
    const two = await boot({ providers: [steady()] }, options);
    await one.funq.publishMany('jobs', none(2000));
    await clock.advance(75_000);
    const [mine, theirs] = [await read(one), await read(two)];
    expect(mine.total.done + theirs.total.done + mine.remaining!).toBe(2000);
    expect([mine.last60s.rate, theirs.last60s.rate]).toEqual([10, 10]);
    for (const { all, eta, remaining } of [mine, theirs]) {
      expect(all).toMatchObject({ processes: 2, running: mine.running + theirs.running, rate10s: 20, rate60s: 20 });
      expect(eta).toBeCloseTo((remaining! / 20) * 1000, -3);
    }
    // One that only looks on knows the same.
    const onlooker = await boot({ providers: [steady()] }, { ...options, consume: false });
    expect(await read(onlooker)).toMatchObject({ total: { started: 0 }, running: 0, all: mine.all });
    expect((await read(onlooker)).eta).toBe((mine.remaining! / 20) * 1000);

    await two.app.close();
    // What it last heard of itself is not taken for another process.
    expect((await read(two)).all.processes).toBe(2);
    await clock.advance(10_000);
    expect((await read(one)).all).toMatchObject({ processes: 1, rate10s: 10 });
  });

  it('know only themselves when the store is away, or keeps reports without counters', async () => {
    const clock = new ManualClock();
    const { broker, coordination } = shared();
    const report = coordination.report.bind(coordination);
    coordination.report = ({ loads: _loads, ...older }, ttl) => report(older, ttl);
    const options = { clock, brokers: { default: broker }, stores: { coordination } };
    const one = await boot({ providers: [steady()] }, options);
    await boot({ providers: [steady()] }, options);
    expect((await read(one)).all.processes).toBe(1);
    await clock.advance(1000);
    const told: unknown[] = [];
    one.events.on('storeError', (event) => told.push(event));
    coordination.list = () => Promise.reject(new Error('away'));
    expect((await read(one)).all.processes).toBe(1);
    expect(told).toMatchObject([{ store: 'memory', error: { message: 'away' } }]);
  });
});
