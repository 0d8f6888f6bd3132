import type { Clock } from '../contracts/clock.js';

/** Keys that have come due are dropped first when this many have gathered, then at each doubling. */
const KEYS = 10_000;

/**
 * Start times on an absolute schedule, for one process.
 *
 * The generic cell rate algorithm (ITU-T I.371): each key has the theoretical time of its next start. A start may come
 * `(burst - 1)` intervals before that time, never earlier, so no window of any length holds more than its share plus the burst.
 */
export class Gcra {
  readonly #next = new Map<string, number>();
  #limit = KEYS;

  constructor(private readonly clock: Clock) {}

  /** Reserves `permits` starts, `interval` ms apart; returns the milliseconds until the first. */
  reserve(key: string, interval: number, burst: number, permits = 1): number {
    const now = this.clock.monotonic();
    const next = Math.max(now, this.#next.get(key) ?? now);
    this.#next.set(key, next + interval * permits);
    if (this.#next.size > this.#limit) this.#sweep(now);
    return Math.max(0, next - (burst - 1) * interval - now);
  }

  #sweep(now: number): void {
    for (const [key, next] of this.#next) if (next <= now) this.#next.delete(key);
    this.#limit = Math.max(KEYS, this.#next.size * 2);
  }
}
