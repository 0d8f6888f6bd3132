import type { Clock } from '../../contracts/clock.js';

/**
 * Settles as `work` does, or calls `late` after `ms` and rejects with its answer. What `work` does later is ignored. An event
 * loop that was blocked meanwhile still gets half of the time to read what has come.
 */
export async function inTime<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let cancel = (): void => undefined;
  const limit = new Promise<never>((_, reject) => {
    cancel = clock.after(ms / 2, () => {
      cancel = clock.after(ms / 2, () => reject(late()));
    });
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
