import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { Random } from '../../../lib/testing/random.js';
import { boot } from '../support/app.js';
import { closest, startsOf, windows } from '../support/starts.js';

/** Sums of fractions differ by less. */
const GRAIN = 1e-6;

describe('a rate, through the whole pipeline, with tasks of random duration', () => {
  it('of 30 a second holds 300 ± 1 starts in every window of ten seconds, wherever it begins', async () => {
    const random = new Random(1);
    const at = await startsOf({ rate: 30 }, { count: 7000, ms: 200_000, took: () => random.between(0, 2000) });
    expect(Math.abs(at.length - 30 * 200)).toBeLessThanOrEqual(1);
    const { fewest, most } = windows(at, 10_000);
    expect([fewest >= 299, most <= 301]).toEqual([true, true]);
    expect(closest(at)).toBeGreaterThan(1000 / 30 - GRAIN);
  });

  it.each([
    [0.5, 600_000],
    [5, 120_000],
    [500, 15_000],
  ])('of %d a second is kept to a start, without bursts at any edge', async (rate, ms) => {
    const random = new Random(rate);
    const at = await startsOf({ rate }, { count: rate * (ms / 1000) + 50, ms, took: () => random.between(0, 500) });
    expect(Math.abs(at.length - 1 - rate * (ms / 1000))).toBeLessThanOrEqual(1);
    const { fewest, most } = windows(at, 10_000);
    expect([fewest >= rate * 10 - 1, most <= rate * 10 + 1]).toEqual([true, true]);
    expect(closest(at)).toBeGreaterThan(1000 / rate - GRAIN);
  });

  it.each([
    ['in place', { times: 3 }],
    ['through the broker', { times: 3, delay: '2s' }],
  ])('counts retries %s as starts', async (_name, retry) => {
    const random = new Random(3);
    const fails = (): boolean => random.chance(0.3);
    const at = await startsOf(
      { rate: 20, retry },
      { count: 1500, ms: 60_000, took: () => random.between(0, 300), fails },
    );
    expect(at.length).toBe(1201);
    expect(closest(at)).toBeGreaterThan(50 - GRAIN);
  });

  it('saves nothing up in a pause but its burst', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: { starts: 10, burst: 3 } })
      run(): void {
        at.push(clock.monotonic());
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock });
    const five = [[], [], [], [], []];
    await funq.publishMany('jobs', five);
    await clock.advance(60_000);
    await funq.publishMany('jobs', five);
    await clock.advance(150);
    await funq.publishMany('jobs', five);
    await clock.advance(10_000);
    const after = at.slice(5).map((time) => time - 60_000);
    expect([at.slice(0, 5), after]).toEqual([
      [0, 0, 0, 100, 200],
      [0, 0, 0, 100, 200, 300, 400, 500, 600, 700],
    ]);
  });

  it('holds though what stands before the start takes its time', async () => {
    const clock = new ManualClock();
    const slow = memoryCoordination();
    const { claim } = slow;
    // The filter asks its store before a task stands in line.
    slow.claim = async (...args) => {
      await clock.sleep(80);
      return claim.apply(slow, args);
    };
    let calls = 0;
    const filter = { key: () => `call ${calls++}` };
    const app = { stores: { coordination: slow } };
    const at = await startsOf({ rate: 10, filter }, { count: 300, ms: 20_000, clock, app });
    expect(at.length).toBeGreaterThanOrEqual(199);
  });

  it('holds while tasks wait for an equal call that is running', async () => {
    const filter = { key: () => (calls++ < 20 ? 'one' : `call ${calls}`) };
    let calls = 0;
    const app = { stores: { coordination: memoryCoordination() } };
    const took = (n: number): number => (n === 0 ? 5000 : 0);
    const at = await startsOf({ rate: 10, filter }, { count: 100, ms: 5000, took, app });
    expect(at.length).toBeGreaterThanOrEqual(50);
  });
});
