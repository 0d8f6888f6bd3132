export interface Backoff {
  /** First wait in milliseconds. */
  readonly delay: number;
  readonly factor: number;
  readonly max: number;
  /** Part of the wait that is left to chance, 0 to 1. */
  readonly jitter: number;
}

/** The wait before the `n`-th repetition, n from 1, in milliseconds. */
export function backoff(
  n: number,
  { delay, factor, max, jitter }: Backoff,
  random: () => number = Math.random,
): number {
  const full = Math.min(max, delay * factor ** Math.max(0, n - 1));
  return full * (1 - jitter * random());
}

/** How the engine waits for a broker that is away: 100 ms growing to 3 s, so that it is back within five. */
export const RECONNECT: Backoff = { delay: 100, factor: 2, max: 3000, jitter: 0.3 };
