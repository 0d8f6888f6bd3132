/**
 * The only source of time in the library. Everything that waits, expires or measures asks this object, so a test can hand
 * in a clock that it moves by hand. All figures are milliseconds.
 */
export interface Clock {
  /** Wall time: milliseconds since the Unix epoch. May jump when the machine's clock is set. */
  now(): number;

  /** Milliseconds since an arbitrary moment. Never goes back; compare only with itself. */
  monotonic(): number;

  /**
   * Resolves after `ms`, or as soon as `signal` aborts. Never rejects: a caller that must know why it woke looks at the
   * signal. `ms` may be larger than what one timer of the platform can hold; zero or less resolves in the next turn.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;

  /**
   * Calls `run` once after `ms`. The returned function cancels it and may be called at any time. A `background` timer does
   * not keep the process alive.
   */
  after(ms: number, run: () => void, background?: boolean): () => void;

  /** Calls `tick` every `ms` without keeping the process alive. The returned function stops it. */
  every(ms: number, tick: () => void): () => void;
}
