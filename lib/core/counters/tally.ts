import type { Clock } from '../../contracts/clock.js';
import type { ConsumerLoad, RecentCounts, TaskCounts } from '../../contracts/counters.js';

/** What is counted, in the order of its places. */
export const COUNTED = [
  'published', 'started', 'done', 'failed', 'retried', 'requeued', 'deferred', 'filtered', 'expired', 'discarded', 'dead',
  'released', 'late', 'leaseLost',
] as const satisfies readonly (keyof TaskCounts)[]; // prettier-ignore

/** The ways in which a task ends for good. */
const ENDS: readonly (keyof TaskCounts)[] = ['done', 'filtered', 'expired', 'discarded', 'dead'];
const DONE = COUNTED.indexOf('done');
/** The place behind the counts: milliseconds that the tasks which were done took. */
const DURATION = COUNTED.length;
const WIDTH = DURATION + 1;
/** Sixty seconds that are over, and the present one. */
const SECONDS = 61;

/**
 * The counts of one consumer: totals, and a ring with one row for each second. Counting is an addition in each; nothing is
 * allocated and no timer runs. Rows that time has passed over are emptied by whoever counts or reads next.
 */
export class Tally {
  /** Who executes the tasks; nobody where the process leaves them to others. */
  worker: { readonly inHand: number } | undefined;
  readonly #total = new Float64Array(COUNTED.length);
  readonly #ring = new Float64Array(SECONDS * WIDTH);
  readonly #since: number;
  #second: number;
  /** Where the present second's row begins. */
  #row: number;

  constructor(private readonly clock: Clock) {
    this.#since = clock.monotonic();
    this.#second = Math.floor(this.#since / 1000);
    this.#row = rowOf(this.#second);
  }

  /** `place` is that of the count in {@link COUNTED}. */
  add(place: number, amount: number): void {
    this.#turn();
    this.#total[place]! += amount;
    this.#ring[this.#row + place]! += amount;
  }

  /** A task was done in `ms`; not in less than nothing, though the wall clock may have been set back meanwhile. */
  done(ms: number): void {
    this.add(DONE, 1);
    if (ms > 0) this.#ring[this.#row + DURATION]! += ms;
  }

  /** Rises with everything that is counted. */
  get news(): number {
    return this.#total.reduce((sum, count) => sum + count, 0);
  }

  get total(): TaskCounts {
    return countsOf(this.#total);
  }

  /** The last `seconds` that are over, 60 at most: always whole ones, so that the width is exact. */
  last(seconds: number): RecentCounts {
    this.#turn();
    const sums = new Float64Array(WIDTH);
    for (let second = this.#second - seconds; second < this.#second; second++) {
      const row = rowOf(second);
      for (let place = 0; place < WIDTH; place++) sums[place]! += this.#ring[row + place]!;
    }
    const counts = countsOf(sums);
    const width = Math.min(seconds, Math.max(1, this.#second - this.#since / 1000));
    return {
      ...counts,
      seconds: width,
      rate: endsOf(counts) / width,
      duration: counts.done > 0 ? sums[DURATION]! / counts.done : undefined,
    };
  }

  get load(): ConsumerLoad {
    const { total, running } = this;
    return { total, rate10s: this.last(10).rate, rate60s: this.last(60).rate, running };
  }

  /** Tasks taken and not settled yet. */
  get running(): number {
    return this.worker?.inHand ?? 0;
  }

  #turn(): void {
    const second = Math.floor(this.clock.monotonic() / 1000);
    if (second === this.#second) return;
    for (let passed = Math.max(this.#second, second - SECONDS) + 1; passed <= second; passed++) {
      const row = rowOf(passed);
      this.#ring.fill(0, row, row + WIDTH);
    }
    this.#second = second;
    this.#row = rowOf(second);
  }
}

/** Tasks that ended for good. */
export function endsOf(counts: TaskCounts): number {
  return ENDS.reduce((sum, name) => sum + counts[name], 0);
}

function countsOf(row: Float64Array): TaskCounts {
  return Object.fromEntries(COUNTED.map((name, place) => [name, row[place]!])) as Record<keyof TaskCounts, number>;
}

function rowOf(second: number): number {
  return (((second % SECONDS) + SECONDS) % SECONDS) * WIDTH;
}
