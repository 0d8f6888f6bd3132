import type { Clock } from '../contracts/clock.js';

/** Settles as `work` does, or rejects with `late()` after `ms`. What `work` does later is ignored. */
export function withDeadline<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return settledBefore(
    (over) => clock.after(ms, over),
    () => work,
    late,
  );
}

/** Settles as `work` does, or rejects with `late()` when the deadline is over that `set` sets; what `set` returns ends it before. */
export function settledBefore<T>(
  set: (over: () => void) => () => void,
  work: () => Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const working = work();
    const cancel = set(() => reject(late()));
    working.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error as Error);
      },
    );
  });
}
