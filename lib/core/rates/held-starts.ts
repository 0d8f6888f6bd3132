/** Starts that were reserved together and not taken yet. */
export interface Run {
  /** When the first of those that are left may come. */
  at: number;
  readonly interval: number;
  left: number;
  /** When they were reserved. */
  readonly since: number;
}

/** What may still be made up for when a timer, or the whole process, is late. */
export interface Tolerance {
  /** The longest that a start may come late, in milliseconds. */
  readonly ms: number;
  /** The most starts that may be late together. */
  readonly starts: number;
}

/** The reserved starts of a line, in order. Times are those of the monotonic clock. */
export class HeldStarts {
  readonly #runs: Run[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** When the last of them may come. */
  get last(): number {
    const run = this.#runs.at(-1);
    return run ? run.at + (run.left - 1) * run.interval : -Infinity;
  }

  add(at: number, interval: number, count: number, since: number): void {
    this.#runs.push({ at, interval, left: count, since });
    this.#count += count;
  }

  /** The first that may come still; those that come too late are dropped. */
  first(now: number, { ms, starts }: Tolerance): Run | undefined {
    for (let run = this.#runs[0]; run; run = this.#runs[0]) {
      if (run.left === 0) this.#runs.shift();
      else if (now - due(run) <= ms && this.#overdue(now) <= starts) return run;
      else this.take(run);
    }
    return undefined;
  }

  take(run: Run): void {
    run.at += run.interval;
    run.left--;
    this.#count--;
  }

  clear(): void {
    this.#runs.length = 0;
    this.#count = 0;
  }

  /** How many should have come by now. */
  #overdue(now: number): number {
    let count = 0;
    for (const run of this.#runs) {
      if (due(run) > now) break;
      count += Math.min(run.left, Math.floor((now - due(run)) / run.interval) + 1);
    }
    return count;
  }
}

/** Nothing is late before it was reserved, however much of a burst it takes. */
const due = (run: Run): number => Math.max(run.at, run.since);
