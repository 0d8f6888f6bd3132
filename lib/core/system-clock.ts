import type { Clock } from '../contracts/clock.js';

/** Longest delay that one platform timer holds; a longer one fires at once. */
const LONGEST = 2 ** 31 - 1;

/** The clock on the machine's own time. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
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
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  after(ms: number, run: () => void, background = false): () => void {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer = left > LONGEST ? setTimeout(() => arm(left - LONGEST), LONGEST) : setTimeout(run, left);
      if (background) timer.unref();
    };
    arm(ms);
    return () => clearTimeout(timer);
  }

  every(ms: number, tick: () => void): () => void {
    const timer = setInterval(tick, Math.min(ms, LONGEST));
    timer.unref();
    return () => clearInterval(timer);
  }
}
