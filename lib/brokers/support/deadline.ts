import type { Clock } from '../../contracts/clock.js';

/** Settles as `work` does, or calls `late` after `ms` and rejects with its answer. What `work` does later is ignored. */
export async function inTime<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let cancel = (): void => undefined;
  const limit = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(late()));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
