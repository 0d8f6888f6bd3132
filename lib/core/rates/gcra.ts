/**
 * Start times of one key on an absolute schedule.
 *
 * The generic cell rate algorithm (ITU-T I.371): it keeps the theoretical time of the next start. A start may come
 * `(burst - 1)` intervals before that time, never earlier, so no window of any length holds more than its share plus the burst.
 */
export class Gcra {
  /** Theoretical time of the next start. */
  next = -Infinity;

  /** Reserves `permits` starts, `interval` ms apart; returns the milliseconds until the first, less than 0 within a burst. */
  reserve(now: number, interval: number, burst: number, permits: number): number {
    const start = Math.max(now, this.next);
    this.next = start + interval * permits;
    return start - (burst - 1) * interval - now;
  }

  /** The next start comes after `interval` at the latest: a wait for a slower pace does not outlive it. */
  hurry(now: number, interval: number): void {
    this.next = Math.min(this.next, now + interval);
  }
}
