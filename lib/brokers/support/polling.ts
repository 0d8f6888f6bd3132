import type { Clock } from '../../contracts/clock.js';

/** Longest that `receive` waits for a message, as the contract allows. */
const PATIENCE = 5000;

/** What one look at the queue brought. */
export interface Attempt<T> {
  readonly taken: T[];
  /** Milliseconds after which another look is known to be worth while, because something falls due; 0 for at once. */
  readonly next?: number;
}

export interface PollingOptions {
  /** Milliseconds between two looks; while nothing comes, they double up to `longest`. */
  readonly interval: number;
  readonly longest: number;
}

/** Turns looking now into waiting for the first message: looks at intervals, and at once when woken. One `receive` at a time. */
export class Polling {
  #woken = false;
  #stopped = false;
  #nap = new AbortController();

  constructor(
    private readonly clock: Clock,
    private readonly options: PollingOptions,
  ) {}

  /** Something may have come: look again now. */
  wake(): void {
    this.#woken = true;
    this.#nap.abort();
  }

  /** Ends a waiting `receive`, and every later one, after its look. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /** What the first fruitful `attempt` took; nothing after five seconds, or soon after `signal` aborts. */
  async receive<T>(attempt: () => Promise<Attempt<T>>, signal: AbortSignal): Promise<T[]> {
    const { interval, longest } = this.options;
    const deadline = this.clock.monotonic() + PATIENCE;
    for (let pause = interval; !signal.aborted && !this.#stopped; pause = Math.min(pause * 2, longest)) {
      this.#woken = false;
      const { taken, next = pause } = await attempt();
      const left = deadline - this.clock.monotonic();
      if (taken.length > 0 || left <= 0) return taken;
      if (!this.#woken) await this.#sleep(Math.min(pause, next, left), signal);
    }
    return [];
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const nap = (this.#nap = new AbortController());
    const wake = (): void => nap.abort();
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    await this.clock.sleep(ms, nap.signal);
    signal.removeEventListener('abort', wake);
  }
}
