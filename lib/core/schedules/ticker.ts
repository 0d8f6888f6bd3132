import type { Clock } from '../../contracts/clock.js';
import { RECONNECT, backoff } from '../backoff.js';
import { following, nth, type Dates } from './dates.js';

/** So soon a wall clock that was set, or a machine that had slept, is noticed. */
const LOOK = 60_000;
/** By how much the wall clock may go wrong, in milliseconds, before the rest of a sleep is measured anew. */
const DRIFT = 10;
/** What is late by up to this is published as if it were in time; what is later was missed. */
const LATE = 60_000;
/** Nothing that was missed longer ago is made up for. */
const HORIZON = 7 * 86_400_000;
const HOUR = 3_600_000;

/** What one moment of a schedule asks for. */
export interface Tick {
  /** The moment, in milliseconds since the epoch. */
  readonly due: number;
  /** For how long the moment must be remembered as done, in milliseconds: nobody asks for it again later. */
  readonly keep: number;
}

export interface TickerOptions {
  readonly clock: Clock;
  /** How many moments of a gap are made up for: the latest ones. */
  readonly missed: number;
  /** The series, and the moment up to which all is settled. Asked again while it rejects. */
  begin(signal: AbortSignal): Promise<{ readonly dates: Dates; readonly since: number }>;
  /** Resolves when the broker holds the task of a moment, whoever put it there. May be asked again for the same. */
  publish(tick: Tick, signal: AbortSignal): Promise<void>;
  /** `begin` or `publish` failed for the `attempt`-th time in a row; tried again after `delay`. */
  failed(error: unknown, attempt: number, delay: number): void;
}

/**
 * One schedule at work. It goes by the wall clock: it sleeps until the next moment, with a look at the clock each minute, and then
 * settles what has come due in order, one moment after the other.
 *
 * - A little late, because the process was busy: everything that came due is published.
 * - Later than a minute, because nobody ran, the machine slept, the clock was set forward or the broker was away: that is a
 *   gap, of which only the latest `missed` moments are published. So a jump can't cause a flood.
 * - The clock was set back: goes on from there. Moments that come again are repeats, which whoever publishes them drops.
 */
export class Ticker {
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #dates: Dates | undefined;
  /** Nothing up to this moment is open. */
  #settled = 0;

  constructor(private readonly options: TickerOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Up to `count` moments that are still to come; undefined before it has begun. */
  next(count: number): readonly number[] | undefined {
    return this.#dates && following(this.#dates, count, this.#settled);
  }

  async #run(): Promise<void> {
    const { clock, failed } = this.options;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted;) {
      try {
        const dates = (this.#dates ??= await this.#begin());
        const next = dates.after(this.#settled);
        if (next === undefined) return;
        await this.#await(next);
        if (!signal.aborted) await this.#settle(dates);
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        const delay = backoff(++attempt, RECONNECT);
        failed(error, attempt, delay);
        await clock.sleep(delay, signal);
      }
    }
  }

  async #begin(): Promise<Dates> {
    const { dates, since } = await this.options.begin(this.#stop.signal);
    this.#settled = since;
    return dates;
  }

  /** Resolves when `next` has come, the clock was set back, or the ticker stops. */
  async #await(next: number): Promise<void> {
    const { clock } = this.options;
    for (let now = clock.now(); now < next && !this.#stop.signal.aborted; now = clock.now()) {
      if (now < this.#settled - LOOK) return;
      await this.#sleep(next - now);
    }
  }

  /** Ends early when a look shows that the wall clock went another way than time did. */
  async #sleep(ms: number): Promise<void> {
    const { clock } = this.options;
    const apart = (): number => clock.now() - clock.monotonic();
    const nap = new AbortController();
    const wake = (): void => nap.abort();
    const before = apart();
    const stopLooking = clock.every(LOOK, () => Math.abs(apart() - before) > DRIFT && wake());
    this.#stop.signal.addEventListener('abort', wake, { once: true });
    await clock.sleep(ms, nap.signal);
    this.#stop.signal.removeEventListener('abort', wake);
    stopLooking();
  }

  async #settle(dates: Dates): Promise<void> {
    const now = this.options.clock.now();
    // It was set back after the last look.
    if (now < this.#settled - LOOK) this.#settled = now - LOOK;
    const due = this.#due(dates, now);
    if (due === undefined) {
      this.#settled = Math.max(this.#settled, now);
      return;
    }
    await this.options.publish({ due, keep: this.#keep(dates, due) }, this.#stop.signal);
    this.#settled = due;
  }

  /** The first moment that is to be published; undefined when all that came due is let go. */
  #due(dates: Dates, now: number): number | undefined {
    const first = dates.after(this.#settled);
    if (first === undefined || first > now) return undefined;
    if (now - first <= LATE) return first;
    const latest = this.options.missed > 0 ? dates.latest(this.options.missed, now) : [];
    return latest.find((date) => date > this.#settled && date >= now - HORIZON);
  }

  /** Until neither lateness nor a gap can reach back to this one, and for an hour by which a clock may be set back. */
  #keep(dates: Dates, due: number): number {
    const after = nth(dates, Math.max(1, this.options.missed), due) - due;
    return HOUR + Math.min(Math.max(after, LATE), HORIZON);
  }
}
