import type { Clock } from '../../contracts/clock.js';
import { Gcra } from './gcra.js';
import { HeldStarts, type Tolerance } from './held-starts.js';
import { Place, samePace, type Pace } from './place.js';

/** Starts are reserved this many milliseconds ahead, at least one. They are lost when the process ends. */
const AHEAD = 25;
/** One reservation covers this many milliseconds: in small pieces, a late process has little to make up for at once. */
const PIECE = 6;
/** Sums of fractions differ by less. */
const GRAIN = 0.001;
/** The longest, in milliseconds, that a task is sent away: nobody knows what happens meanwhile. */
const AWAY = 60_000;

/** Starts that were reserved. */
export interface Reserved {
  /** Milliseconds until the first of them, less than 0 where the burst allows several at once. */
  readonly wait: number;
  /** Milliseconds from each to the next. */
  readonly interval: number;
}

export interface LineOptions {
  readonly clock: Clock;
  /** Reserves `permits` starts. Must not reject for a fault that may pass. */
  reserve(pace: Pace, permits: number): Reserved | Promise<Reserved>;
  /** The pace has become this one. What is left to wait for the old one should not outlive it. */
  hurry?(pace: Pace): void;
  /** How late starts may come. One that would come later is given up, so that no burst makes up for a pause. */
  tolerance(pace: Pace): Tolerance;
}

/**
 * Those who wait for a start of the same key, in order of their coming, and the starts that are reserved for them. Both are
 * counted apart: who leaves the line leaves its start to the next. One timer is aimed at the next start; starts stand on an
 * absolute schedule, so what a timer is late is not added up.
 */
export class Line {
  readonly #places: Place[] = [];
  readonly #held = new HeldStarts();
  /** When whatever comes after all that is reserved may start. */
  #front = -Infinity;
  /** Milliseconds between the starts that were reserved last. */
  #step: number | undefined;
  /** What they were reserved for, or will be. */
  #pace: Pace | undefined;
  /** Rises with each change of the pace: what was asked for before is given up. */
  #plan = 0;
  readonly #promised = new Gcra();
  #asking = false;
  #cancel: (() => void) | undefined;

  constructor(private readonly options: LineOptions) {}

  /** Nobody waits, and nothing of the past matters any more. */
  idle(now: number): boolean {
    return this.#places.length === 0 && Math.max(this.#front, this.#promised.next) <= now;
  }

  /** Milliseconds that one who comes now would wait, as far as is known here; 0 or less for none. */
  expected({ interval, burst }: Pace): number {
    const before = Math.max(0, this.#places.length - this.#held.count) - burst + 1;
    return Math.max(0, this.#front - this.options.clock.monotonic()) + before * (this.#step ?? interval);
  }

  /** Milliseconds to stay away for one who would wait `wait`: those who are away come back one by one, an interval apart. */
  away(wait: number, { interval }: Pace): number {
    const now = this.options.clock.monotonic();
    if (wait + Math.max(0, this.#promised.next - now) > AWAY) return AWAY;
    return wait + this.#promised.reserve(now, this.#step ?? interval, 1, 1);
  }

  /** Stands in line. `pace` is asked when it is this one's turn; `undefined` stands for no limit any more. */
  enter(pace: () => Pace | undefined): Place {
    const place = new Place(pace, (left) => this.#leave(left));
    this.#places.push(place);
    if (this.#places.length === 1 || this.#held.count === 0) this.#serve();
    else this.#topUp(this.options.clock.monotonic());
    return place;
  }

  /** From now on this is the pace; what was reserved ahead for another one is given up. */
  replan(pace: Pace | undefined): void {
    if (pace && samePace(pace, this.#pace)) return;
    this.#plan++;
    this.#pace = pace;
    this.#held.clear();
    this.#front = this.#promised.next = -Infinity;
    this.#step = undefined;
    if (pace) this.options.hurry?.(pace);
    this.#serve();
  }

  #leave(place: Place): void {
    const at = this.#places.indexOf(place);
    if (at >= 0) this.#places.splice(at, 1);
    if (this.#places.length > 0) return;
    this.#held.clear();
    this.#serve();
  }

  /** Lets everybody go whose start has come, and aims the timer at the next one. */
  #serve(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const { clock, tolerance } = this.options;
    let now = clock.monotonic();
    for (let first = this.#places[0]; first; first = this.#places[0]) {
      const pace = first.pace();
      if (pace) {
        const run = this.#held.first(now, tolerance(pace));
        if (!run && !this.#ask(pace)) return;
        if (!run) {
          // A start that may come at once is due by now, and not a moment after the line was looked at.
          now = clock.monotonic();
          continue;
        }
        if (run.at > now + GRAIN) {
          this.#cancel = clock.after(run.at - now, () => this.#serve());
          break;
        }
        this.#held.take(run);
      }
      this.#places.shift();
      first.go();
    }
    this.#topUp(now);
  }

  /** Asks for more in time, while some are still held. */
  #topUp(now: number): void {
    const pace = this.#places[this.#held.count]?.pace();
    if (pace && this.#held.last - now < AHEAD) this.#ask(pace);
  }

  /** Reserves for those who have no start yet; true when the answer is there. */
  #ask(pace: Pace): boolean {
    if (this.#asking) return false;
    const permits = this.#wanted(pace);
    const answer = this.options.reserve(pace, permits);
    if (!(answer instanceof Promise)) {
      this.#hold(answer, pace, permits);
      return true;
    }
    this.#asking = true;
    const plan = this.#plan;
    void answer
      .then(
        (reserved) => {
          if (plan === this.#plan) this.#hold(reserved, pace, permits);
          else if (this.#pace) this.options.hurry?.(this.#pace);
        },
        (error: unknown) => this.#places.splice(0).forEach((place) => place.fail(error)),
      )
      .then(() => {
        this.#asking = false;
        this.#serve();
      });
    return false;
  }

  #hold({ wait, interval }: Reserved, pace: Pace, permits: number): void {
    const since = this.options.clock.monotonic();
    this.#held.add(since + wait, interval, permits, since);
    this.#step = interval;
    this.#pace = pace;
    this.#front = since + wait + (permits + pace.burst - 1) * interval;
  }

  /** How many in a row, of those without a start, have this pace; not more than a piece. */
  #wanted(pace: Pace): number {
    const most = Math.max(pace.burst, Math.ceil(PIECE / pace.interval));
    let count = 1;
    while (count < most && samePace(pace, this.#places[this.#held.count + count]?.pace())) count++;
    return count;
  }
}
