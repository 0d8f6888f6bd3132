import type { Clock } from '../../contracts/clock.js';
import { driverError } from './driver-error.js';
import { Nap } from './nap.js';

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

/** By the option `pollInterval` of a broker; throws when that is no time. */
export function pollingBy(kind: string, pollInterval: number): PollingOptions {
  if (typeof pollInterval === 'number' && pollInterval >= 1 && pollInterval <= 3_600_000)
    return { interval: pollInterval / 8, longest: pollInterval };
  throw driverError(
    `FUNQ_${kind.toUpperCase()}_OPTIONS`,
    `${kind}({ pollInterval }) is ${String(pollInterval)}, but must be 1 to 3600000 milliseconds`,
  );
}

/** Turns looking now into waiting for the first message: looks at intervals, and at once when woken. One `receive` at a time. */
export class Polling {
  #woken = false;
  #stopped = false;
  readonly #nap: Nap;

  constructor(
    private readonly clock: Clock,
    private readonly options: PollingOptions,
  ) {
    this.#nap = new Nap(clock);
  }

  /** Something may have come: look again now. */
  wake(): void {
    this.#woken = true;
    this.#nap.end();
  }

  /** Ends a waiting `receive`, and every later one, after its look. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /**
   * What the first fruitful `attempt` took; nothing after five seconds, or soon after `signal` aborts. After the last attempt
   * nothing is waited for.
   */
  async receive<T>(attempt: (last: boolean) => Promise<Attempt<T>>, signal: AbortSignal): Promise<T[]> {
    const { interval, longest } = this.options;
    const deadline = this.clock.monotonic() + PATIENCE;
    for (let pause = interval; !signal.aborted && !this.#stopped; pause = Math.min(pause * 2, longest)) {
      this.#woken = false;
      const last = this.clock.monotonic() >= deadline;
      const { taken, next = pause } = await attempt(last);
      if (taken.length > 0 || last) return taken;
      if (!this.#woken) await this.#nap.wait(Math.min(pause, next, deadline - this.clock.monotonic()), signal);
    }
    return [];
  }
}
