import type { Clock } from './clock.js';

/**
 * Settles as `work` does, or rejects with `late()` after `ms`. What `work` does later is ignored. A deadline that an event loop
 * noticed too late, as it was blocked, is put off once by as long, at most by `ms`: answers came meanwhile and wait to be read.
 */
export function withDeadline<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return settledBefore(
    (over) => unblocked(clock, ms, over),
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

/** Calls `over` after `ms` that the event loop had for its work. */
function unblocked(clock: Clock, ms: number, over: () => void): () => void {
  const due = clock.monotonic() + ms;
  let cancel = clock.after(ms, () => {
    const blocked = Math.min(clock.monotonic() - due, ms);
    if (blocked > 0) cancel = clock.after(blocked, over);
    else over();
  });
  return () => cancel();
}
