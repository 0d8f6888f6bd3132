import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot } from '../support/app.js';
import { windows } from '../support/starts.js';

const MINUTE = 60_000;
type Outage = 'none' | 'refuses' | 'hangs';

/** A store that every process shares, and that can be taken away from all of them. */
function failing(): { readonly store: CoordinationStore; outage: Outage } {
  const state = { outage: 'none' as Outage, store: memoryCoordination() };
  const { store } = state;
  const reachable = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === 'shared') return true;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (state.outage === 'refuses') return Promise.reject(new Error('away'));
        if (state.outage === 'hangs') return new Promise(() => undefined);
        return Reflect.apply(value, target, args);
      };
    },
  });
  return Object.assign(state, { store: reachable });
}

describe('a shared limit while the store is away for a minute', () => {
  it.each<Outage>(['refuses', 'hangs'])(
    'is kept by shares, and whole again within 5 s: the store %s',
    async (outage) => {
      const clock = new ManualClock();
      const state = failing();
      const queues = new Map();
      const at: number[] = [];
      @Injectable()
      class Job {
        @Consumer({ queue: 'jobs', rate: { starts: 20, scope: 'shared' } })
        run(): void {
          at.push(clock.monotonic());
        }
      }
      const [one] = await Promise.all(
        [1, 2].map(() =>
          boot(
            { providers: [Job] },
            { clock, brokers: { default: memory({ queues }) }, stores: { coordination: state.store } },
          ),
        ),
      );
      await clock.advance(20_000); // The processes have seen each other.
      await one!.funq.publishMany(
        'jobs',
        Array.from({ length: 4000 }, () => []),
      );
      await clock.advance(10_000);
      state.outage = outage;
      const lost = clock.monotonic();
      await clock.advance(MINUTE);
      const back = clock.monotonic();
      state.outage = 'none';
      await clock.advance(15_000);

      const between = (from: number, until: number): number[] => at.filter((time) => time >= from && time < until);
      const most = (times: number[]): number => windows(times, 1000).most;
      expect(most(between(0, lost))).toBeLessThanOrEqual(20);
      expect(most(between(lost + 1000, back))).toBeLessThanOrEqual(20);
      // Where one schedule takes over from the other, each process may have one start more.
      expect(most(at)).toBeLessThanOrEqual(22);
      expect(between(lost + 5000, back).length).toBeGreaterThan(0.9 * 55 * 20);
      expect(windows(between(back + 5000, back + 15_000), 1000).fewest).toBeGreaterThanOrEqual(19);
    },
  );
});
