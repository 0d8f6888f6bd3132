/** Starts that were reserved together and not taken yet. */
export interface Run {
  /** When the first of those that are left may come. */
  at: number;
  readonly interval: number;
  left: number;
  /** When they were reserved: nothing is late before. */
  readonly since: number;
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

  /** The first that is not more than `tolerance` late; those that are, are dropped. */
  first(now: number, tolerance: number): Run | undefined {
    for (let run = this.#runs[0]; run; run = this.#runs[0]) {
      if (run.left === 0) this.#runs.shift();
      else if (now - Math.max(run.at, run.since) <= tolerance) return run;
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
}
