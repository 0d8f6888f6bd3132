import assert from 'node:assert/strict';
import type { CoordinationStore } from '../../contracts/stores.js';
import type { StoreCase, StoreTrial } from './trial.js';

/** Sums of fractions differ by less. */
const GRAIN = 0.001;

/** Start times on an absolute schedule. */
export function rateCases(): StoreCase<CoordinationStore>[] {
  return [
    {
      name: 'rate: starts are an interval apart, whoever reserves them',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const starts = await Schedule.of(trial, 500);
        for (let index = 0; index < 6; index++) await starts.expect(index % 2 ? store : other, index * 500);
      },
    },
    {
      name: 'rate: time that goes by shortens the wait, and a pause saves nothing up',
      async run(trial) {
        const store = await trial.open();
        const starts = await Schedule.of(trial, 400);
        await starts.expect(store, 0);
        await trial.pass(200);
        await starts.expect(store, 400);
        await trial.pass(1400);
        const paused = starts.elapsed;
        await starts.expect(store, paused);
        await starts.expect(store, paused + 400);
      },
    },
    {
      name: 'rate: a burst comes at once after a pause, and no more than that',
      async run(trial) {
        const store = await trial.open();
        const starts = await Schedule.of(trial, 500, 3);
        for (const start of [0, 0, 0, 500, 1000]) await starts.expect(store, start);
        await trial.pass(4000);
        const paused = starts.elapsed;
        for (const start of [0, 0, 0, 500]) await starts.expect(store, paused + start);
      },
    },
    {
      name: 'rate: several permits take several places',
      async run(trial) {
        const store = await trial.open();
        const starts = await Schedule.of(trial, 300);
        await starts.expect(store, 0, 5);
        await starts.expect(store, 1500, 2);
        await starts.expect(store, 2100);
      },
    },
    {
      name: 'rate: one reservation takes as much of a burst as several do',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        // Of five, three may start at once and the others follow: the first was due two intervals ago.
        const first = await store.reserve(key, 1000, 3, 5);
        assert.ok(Math.abs(first + 2000) <= Math.max(trial.tolerance, GRAIN), `a wait of ${first} instead of -2000 ms`);
        const next = await store.reserve(key, 1000, 3, 1);
        assert.ok(Math.abs(next - 3000) <= Math.max(trial.tolerance, GRAIN), `a wait of ${next} instead of 3000 ms`);
      },
    },
    {
      name: 'rate: no permits reserve nothing, and tell when a start could be had',
      async run(trial) {
        const store = await trial.open();
        const starts = await Schedule.of(trial, 800);
        await starts.expect(store, 0, 0);
        await starts.expect(store, 0);
        for (let asked = 0; asked < 3; asked++) await starts.expect(store, 800, 0);
        await starts.expect(store, 800);
      },
    },
    {
      name: 'rate: 10,000 reservations at a fraction of a millisecond do not drift',
      timeout: 120_000,
      async run(trial) {
        const store = await trial.open();
        const interval = 1000 / 7;
        const starts = await Schedule.of(trial, interval);
        await starts.expect(store, 0); // On a real clock the many take their time, so the schedule has to begin before them.
        for (let done = 0; done < 10_000; done += 500) {
          await Promise.all(Array.from({ length: 500 }, () => store.reserve(starts.key, interval, 1, 1)));
        }
        // Numbers that count milliseconds since 1970 have grains of a quarter of a microsecond, 10,000 times.
        await starts.expect(store, 10_001 * interval, 1, Math.max(trial.tolerance, 1));
      },
    },
    {
      name: 'rate: those who reserve at once get different places',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const interval = 1000;
        const key = trial.name();
        const reserving = Array.from({ length: 100 }, (_, index) =>
          (index % 2 ? store : other).reserve(key, interval, 1, 1),
        );
        const waits = (await Promise.all(reserving)).toSorted((a, b) => a - b);
        // On a real clock the waits shrink while they are asked for, by less than half an interval each.
        assert.deepEqual(
          waits.map((wait) => Math.round(wait / interval)),
          waits.map((_, index) => index),
        );
      },
    },
    {
      name: 'rate: keys do not see each other',
      async run(trial) {
        const store = await trial.open();
        for (const key of ['a', 'A', 'a ', '漢字', "it's"]) {
          assert.equal(await store.reserve(trial.name(key), 60_000, 1, 1), 0, `the first start of ${key}`);
        }
      },
    },
    {
      name: 'rate: another interval holds from the next reservation on',
      async run(trial) {
        const store = await trial.open();
        const starts = await Schedule.of(trial, 1000);
        await starts.expect(store, 0);
        starts.interval = 500;
        await starts.expect(store, 1000);
        await starts.expect(store, 1500);
        starts.interval = 2000;
        await starts.expect(store, 2000);
        await starts.expect(store, 4000);
      },
    },
  ];
}

/** The schedule of one key, as starts in milliseconds after its first reservation. */
class Schedule {
  #began: number | undefined;

  private constructor(
    private readonly trial: StoreTrial<CoordinationStore>,
    readonly key: string,
    public interval: number,
    private readonly burst: number,
  ) {}

  static async of(trial: StoreTrial<CoordinationStore>, interval: number, burst = 1): Promise<Schedule> {
    return new Schedule(trial, trial.name(), interval, burst);
  }

  /** Milliseconds since the first reservation. */
  get elapsed(): number {
    this.#began ??= this.trial.clock.monotonic();
    return this.trial.clock.monotonic() - this.#began;
  }

  /** Reserves, and insists on a start at `start`. */
  async expect(store: CoordinationStore, start: number, permits = 1, tolerance = this.trial.tolerance): Promise<void> {
    const asked = this.elapsed;
    const wait = await store.reserve(this.key, this.interval, this.burst, permits);
    const least = (1 - this.burst) * this.interval - Math.max(tolerance, GRAIN);
    assert.ok(wait >= least, `a wait of ${wait} ms, which the burst does not explain`);
    const seen = asked + Math.max(0, wait);
    const close = Math.abs(seen - start) <= tolerance;
    assert.ok(close, `the start is after ${seen.toFixed(3)} ms instead of ${start.toFixed(3)} ms`);
  }
}
