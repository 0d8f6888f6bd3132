import type { Clock } from '../../contracts/clock.js';

/** A wait that may be ended before its time. One at a time. */
export class Nap {
  #wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Ends the wait; false when nobody waits. */
  end(): boolean {
    const wake = this.#wake;
    wake?.();
    return wake !== undefined;
  }

  /** Resolves after `ms`, when it is ended, or as soon as `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        cancel();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = this.clock.after(ms, wake);
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}
