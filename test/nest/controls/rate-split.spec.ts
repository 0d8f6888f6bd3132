import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { limited } from '../support/brokers.js';
import { boot, refusal, type Booted } from '../support/app.js';
import { sharedStore } from '../support/shared-store.js';
import { windows } from '../support/starts.js';

/** Processes that come and go, on one queue and one store, with more tasks than they can start. */
class Fleet {
  readonly clock = new ManualClock();
  readonly store: CoordinationStore = sharedStore();
  readonly at: { readonly time: number; readonly process: number }[] = [];
  readonly #queues = new Map();
  #processes = 0;

  async add(): Promise<Booted> {
    const process = this.#processes++;
    const { clock, at, store } = this;
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: { starts: 20, scope: 'split' } })
      run(): void {
        at.push({ time: clock.monotonic(), process });
      }
    }
    const brokers = { default: memory({ queues: this.#queues }) };
    const booted = await boot({ providers: [Job] }, { clock, brokers, stores: { coordination: store } });
    if (process > 0) return booted;
    await booted.funq.publishMany(
      'jobs',
      Array.from({ length: 5000 }, () => []),
    );
    return booted;
  }

  /** Starts of a process, or of all, from then until then in seconds. */
  between(from: number, until: number, process?: number): number {
    const counted = this.at.filter((start) => process === undefined || start.process === process);
    return counted.filter(({ time }) => time >= from * 1000 && time < until * 1000).length;
  }

  get times(): number[] {
    return this.at.map(({ time }) => time);
  }
}

describe("scope 'split'", () => {
  it('gives all of the limit to one process, at once', async () => {
    const fleet = new Fleet();
    await fleet.add();
    await fleet.clock.advance(10_000);
    expect(fleet.between(0, 10)).toBe(200);
  });

  it('divides it by the processes, and never holds more together while they come and go', async () => {
    const fleet = new Fleet();
    await fleet.add();
    await fleet.clock.advance(12_000);
    const second = await fleet.add();
    await fleet.clock.advance(1000);
    expect(fleet.between(12, 13, 1)).toBe(0);
    await fleet.clock.advance(17_000);
    expect([fleet.between(20, 30, 0), fleet.between(20, 30, 1)]).toEqual([100, 100]);
    await fleet.add();
    await fleet.add();
    await fleet.clock.advance(30_000);
    for (const process of [0, 1, 2, 3]) expect(Math.abs(fleet.between(40, 60, process) - 100)).toBeLessThanOrEqual(1);
    await second.close();
    await fleet.clock.advance(30_000);
    const now = fleet.clock.monotonic() / 1000;
    for (const process of [0, 2, 3]) expect(Math.abs(fleet.between(now - 6, now, process) - 40)).toBeLessThanOrEqual(1);
    // Each of them may be anywhere between two of its starts.
    const { most } = windows(fleet.times, 5000);
    expect(most).toBeLessThanOrEqual(20 * 5 + 4);
  });

  it('asks the store for no task', async () => {
    const fleet = new Fleet();
    let calls = 0;
    fleet.store.reserve = () => Promise.reject(new Error(`asked ${++calls} times`));
    await Promise.all([fleet.add(), fleet.add()]);
    await fleet.clock.advance(30_000);
    expect([calls, fleet.between(20, 30)]).toEqual([0, 200]);
  });

  it('keeps the parts while the store is away', async () => {
    const fleet = new Fleet();
    await Promise.all([fleet.add(), fleet.add()]);
    await fleet.clock.advance(20_000);
    const { report, list } = fleet.store;
    const away = (): Promise<never> => Promise.reject(new Error('away'));
    Object.assign(fleet.store, { report: away, list: away });
    await fleet.clock.advance(60_000);
    expect([fleet.between(70, 80, 0), fleet.between(70, 80, 1)]).toEqual([100, 100]);
    Object.assign(fleet.store, { report, list });
    await fleet.clock.advance(30_000);
    for (let from = 20; from < 110; from += 5) expect(fleet.between(from, from + 5)).toBeLessThanOrEqual(102);
  });

  it('waits for the store when the process begins without it', async () => {
    const fleet = new Fleet();
    const { list } = fleet.store;
    fleet.store.list = () => Promise.reject(new Error('away'));
    await fleet.add();
    await fleet.clock.advance(20_000);
    expect(fleet.at).toEqual([]);
    fleet.store.list = list;
    await fleet.clock.advance(15_000);
    expect(fleet.between(25, 35)).toBe(200);
  });

  it('is all of it where the store is of this process alone', async () => {
    const clock = new ManualClock();
    let ran = 0;
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: { starts: 20, scope: 'split' } })
      run(): void {
        ran++;
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock, stores: { coordination: memoryCoordination() } });
    await funq.publishMany(
      'jobs',
      Array.from({ length: 100 }, () => []),
    );
    await clock.advance(999);
    expect(ran).toBe(20);
  });

  it.each([
    ['without a store', {}, 'FUNQ_STORE_MISSING'],
    [
      'with a store that the processes of the broker do not share',
      { brokers: { default: limited({ shared: true }) }, stores: { coordination: memoryCoordination() } },
      'FUNQ_FEATURE_UNSUPPORTED',
    ],
  ])('is refused %s', async (_name, options, code) => {
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: { starts: 20, scope: 'split' } })
      run(): void {}
    }
    const error = await refusal({ providers: [Job] }, options);
    expect(error.code).toBe(code);
    expect(error.message).toContain("rate.scope 'split'");
  });
});
