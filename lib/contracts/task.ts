import type { Envelope, ErrorRecord } from './envelope.js';
import type { Policy } from './policy.js';

/**
 * One call being executed: what handlers and controls see. They never touch the broker: they say what shall become of the
 * task, and the engine settles it in one place after the call has ended. The last word wins.
 */
export interface Task {
  readonly id: string;
  readonly queue: string;
  /** Arguments by position, as they arrived. */
  readonly args: readonly unknown[];
  /** Number of this run, from 1. Retries raise it, requeues and crashes do not. */
  readonly attempt: number;
  /** How often the task went back by a `RequeueError`. */
  readonly requeues: number;
  /** How often a consumer died, or lost its lease, with this task in hand. */
  readonly redelivered: number;
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly envelope: Envelope;
  /** The consumer's options with this task's overrides applied. */
  readonly policy: Policy;
  /** Aborts when this run's time is up, when its lease is lost, or when the process can't wait any longer. */
  readonly signal: AbortSignal;
  /** What earlier runs failed with, oldest first. */
  readonly errors: readonly ErrorRecord[];
  readonly settlement: Settlement | undefined;

  /** Reports progress to whoever listens to the engine's events; any value that the codec can write. */
  progress(value: unknown): void;

  /** Run again after `delay` milliseconds (at once by default), counted as an attempt. */
  retry(delay?: number): void;
  /** Back to the queue, counted as a requeue and not as an attempt. */
  requeue(delay?: number): void;
  /** Back to the queue and not counted at all: the task could not be started yet. */
  defer(delay: number): void;
  /** Given back to the broker for any consumer, at once: this process stops. */
  release(): void;
  /** Finished without having been executed. A caller that waits gets `answer.value`, or an error without it. */
  discard(reason: string, status?: DiscardStatus, answer?: { readonly value: unknown }): void;
  /** To the dead letters. */
  dead(reason: string): void;

  /**
   * Waits `ms` while the task keeps its slot. Resolves to false when the process began to stop before the time was over;
   * the control that waits then says what becomes of the task, which has not run.
   */
  wait(ms: number): Promise<boolean>;

  /** The process stops or the lease is lost: no further run may begin here. */
  readonly interrupted: boolean;

  /** Notes that a run failed: one more entry of {@link errors}, one event. */
  failed(error: unknown, again: boolean): void;

  /** Begins another run in place: a higher {@link attempt} and a fresh {@link signal}. */
  nextAttempt(): void;

  /** Aborts {@link signal} of the current run. */
  abort(reason: Error): void;

  /** Tells that a run which had been given up ended after all. */
  late(outcome: { readonly value: unknown } | { readonly error: unknown }): void;
}

export type DiscardStatus = 'expired' | 'filtered' | 'discarded';

/** What becomes of a task. */
export type Settlement =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry' | 'requeue' | 'defer'; readonly delay: number }
  | {
      readonly kind: 'discard';
      readonly reason: string;
      readonly status: DiscardStatus;
      readonly answer?: { readonly value: unknown };
    }
  | { readonly kind: 'dead'; readonly reason: string; readonly code: string }
  | { readonly kind: 'release' };
