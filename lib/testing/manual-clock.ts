import type { Clock } from '../contracts/clock.js';

/** Turns of the event loop given to those who were woken: enough for chains of promises that pass through a few turns. */
const TURNS = 4;

interface Timer {
  due: number;
  /** Of one that ticks: how long from tick to tick. */
  readonly beat?: number;
  run(): void;
}

/**
 * A clock that stands still until a test moves it.
 *
 * ```ts
 * const clock = new ManualClock();
 * const woken = clock.sleep(60_000);
 * await clock.advance(60_000);
 * await woken;
 * ```
 */
export class ManualClock implements Clock {
  readonly #start: number;
  /** In the order of their firing. */
  readonly #timers: Timer[] = [];
  #elapsed = 0;
  /** By how much the wall clock was set. */
  #shift = 0;
  #moving: Promise<void> = Promise.resolve();

  /** `start` is in milliseconds since the epoch. Default: 2026-01-01T00:00:00Z. */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed + this.#shift;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = this.after(ms, wake);
      signal?.addEventListener('abort', wake);
    });
  }

  /** As with a real clock, zero or less, or no number, runs in the next turn: nobody has to move the clock for it. */
  after(ms: number, run: () => void): () => void {
    if (!(ms > 0)) {
      const turn = setImmediate(run);
      return () => clearImmediate(turn);
    }
    return this.#add({ due: this.#elapsed + ms, run });
  }

  every(ms: number, tick: () => void): () => void {
    const beat = ms > 1 ? ms : 1;
    return this.#add({ due: this.#elapsed + beat, beat, run: tick });
  }

  /**
   * Moves time on by `ms`, firing each timer that comes due at its own moment, in order, and letting those who were woken
   * run as far as they get before the next. Resolves when all is quiet; rejects with what a timer's function threw. Calls at
   * the same time are made one after another.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock can't be advanced by ${ms} ms`);
    return this.#next(async () => {
      const end = this.#elapsed + ms;
      await settled();
      for (let timer = this.#timers[0]; timer && timer.due <= end; timer = this.#timers[0]) {
        this.#fire(timer);
        await settled();
      }
      this.#elapsed = end;
    });
  }

  /**
   * Moves time on by `ms` at a stroke, as if the machine had slept: what ticks is told once for all the ticks on the way, then
   * the timers that came due fire. Resolves when all is quiet.
   */
  leap(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock can't be advanced by ${ms} ms`);
    return this.#next(async () => {
      const end = this.#elapsed + ms;
      await settled();
      await this.#leapTo(end);
    });
  }

  /**
   * Leaps to the next timer, apart from those that tick, and fires all that are due at its moment. Resolves to false, without
   * moving, when there is none within `ms`.
   */
  step(ms = Infinity): Promise<boolean> {
    return this.#next(async () => {
      await settled();
      const timer = this.#timers.find(({ beat }) => beat === undefined);
      if (!timer || timer.due - this.#elapsed > ms) return false;
      await this.#leapTo(timer.due);
      return true;
    });
  }

  /**
   * Sets the wall clock to `epoch`, in milliseconds, as an operator would: {@link now} jumps, in either direction, while
   * {@link monotonic} and the timers go on as if nothing had happened.
   */
  set(epoch: number): void {
    this.#shift = epoch - this.#start - this.#elapsed;
  }

  /** How many timers are left, ticking ones too: 0 after everything was closed. */
  get pending(): number {
    return this.#timers.length;
  }

  /** When the next timer fires, on the scale of {@link now}; undefined when there is none. */
  get next(): number | undefined {
    const timer = this.#timers[0];
    return timer && timer.due - this.#elapsed + this.now();
  }

  /** Movements are made one after another. */
  #next<T>(move: () => Promise<T>): Promise<T> {
    const moved = this.#moving.then(move);
    this.#moving = moved.then(
      () => undefined,
      () => undefined,
    );
    return moved;
  }

  async #leapTo(end: number): Promise<void> {
    this.#elapsed = end;
    const ticking = this.#timers.filter(({ due, beat }) => beat !== undefined && due <= end);
    // One may have been stopped by another before it.
    for (const timer of ticking) if (this.#timers.includes(timer)) this.#fire(timer);
    if (ticking.length > 0) await settled();
    for (let timer = this.#timers[0]; timer && timer.due <= end; timer = this.#timers[0]) {
      this.#fire(timer);
      await settled();
    }
  }

  #fire(timer: Timer): void {
    this.#remove(timer);
    this.#elapsed = Math.max(this.#elapsed, timer.due);
    if (timer.beat !== undefined) {
      timer.due += timer.beat * (Math.floor((this.#elapsed - timer.due) / timer.beat) + 1);
      this.#add(timer);
    }
    timer.run();
  }

  #add(timer: Timer): () => void {
    this.#timers.splice(this.#after(timer.due), 0, timer);
    return () => this.#remove(timer);
  }

  /** Looks among those of the same moment only: a thousand others cost nothing. */
  #remove(timer: Timer): void {
    for (let at = this.#after(timer.due) - 1; this.#timers[at]?.due === timer.due; at--) {
      if (this.#timers[at] === timer) return void this.#timers.splice(at, 1);
    }
  }

  /** The place behind all timers that are due until `due`. */
  #after(due: number): number {
    let [low, high] = [0, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#timers[middle]!.due <= due) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
