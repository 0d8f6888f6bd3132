import type { Clock } from '../contracts/clock.js';

/** Turns of the event loop given to those who were woken: enough for chains of promises that pass through a few turns. */
const TURNS = 4;

interface Timer {
  due: number;
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

  /** As with a real clock, zero or less runs in the next turn: nobody has to move the clock for it. */
  after(ms: number, run: () => void): () => void {
    if (ms <= 0) {
      const turn = setImmediate(run);
      return () => clearImmediate(turn);
    }
    return this.#add({ due: this.#elapsed + ms, run });
  }

  every(ms: number, tick: () => void): () => void {
    const step = Math.max(1, ms);
    const timer: Timer = {
      due: this.#elapsed + step,
      run: () => {
        timer.due += step;
        this.#add(timer);
        tick();
      },
    };
    return this.#add(timer);
  }

  /**
   * Moves time on by `ms`, firing each timer that comes due at its own moment, in order, and letting those who were woken
   * run as far as they get before the next. Resolves when all is quiet; rejects with what a timer's function threw. Calls at
   * the same time are made one after another.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock can't be advanced by ${ms} ms`);
    const moved = this.#moving.then(() => this.#move(ms));
    this.#moving = moved.catch(() => {});
    return moved;
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

  async #move(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settled();
    for (let timer = this.#timers[0]; timer && timer.due <= end; timer = this.#timers[0]) {
      this.#timers.shift();
      this.#elapsed = Math.max(this.#elapsed, timer.due);
      timer.run();
      await settled();
    }
    this.#elapsed = end;
  }

  #add(timer: Timer): () => void {
    const later = this.#timers.findIndex(({ due }) => due > timer.due);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
