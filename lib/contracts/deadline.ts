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

/** Calls `over` after `ms` that the event loop had for its work. What it returns prevents that. */
export function unblocked(clock: Clock, ms: number, over: () => void, background?: boolean): () => void {
  const due = clock.monotonic() + ms;
  const ring = (): void => void (cancel = putOff(clock, clock.monotonic() - due, ms, over, background));
  let cancel = clock.after(ms, ring, background);
  return () => cancel();
}

/** Calls `over`: where the loop is `late`, only after as long again, at most `most`. What it returns prevents that. */
export function putOff(clock: Clock, late: number, most: number, over: () => void, background?: boolean): () => void {
  if (late > 0) return clock.after(Math.min(late, most), over, background);
  over();
  return () => undefined;
}
