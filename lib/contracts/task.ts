import type { Envelope, ErrorRecord } from './envelope.js';
import type { Duration, Policy } from './policy.js';

/**
 * One run of a task, as the function that is called sees it. It says what shall become of the task, and the engine settles
 * it in one place after the call has ended; the last word wins. Once the run was given up (its time was over, or another
 * run began) its `signal` stays aborted and its verbs do nothing.
 */
export interface Task {
  readonly id: string;
  readonly queue: string;
  /** Arguments by position, as they arrived; runs in place share the objects. */
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

  /** Reports progress to whoever listens to the engine's events; any value that the codec can write. */
  progress(value: unknown): void;

  /** Run again after `delay` (at once by default), counted as an attempt; not limited by the `retry` option. */
  retry(delay?: Duration): void;
  /** Back to the queue, counted as a requeue and not as an attempt. Default: after one second, so that it can't spin. */
  requeue(delay?: Duration): void;
  /** Finished without having been executed. A caller that waits gets `answer.value`, or an error without it. */
  discard(reason: string, status?: DiscardStatus, answer?: { readonly value: unknown }): void;
  /** To the dead letters. */
  dead(reason: string): void;
}

/** A task as controls see it: all of its runs, and the means to hold it back. */
export interface ManagedTask extends Task {
  readonly settlement: Settlement | undefined;
  /** The process stops or the lease is lost: no further run may begin here. */
  readonly interrupted: boolean;
  /** No longer ours: settled, given back, or its lease is lost. Whatever happens here now is late. */
  readonly closed: boolean;
  /** The latest run in which the function was called here; 0 before that. */
  readonly ran: number;
  /** How many values the current run has sent to the caller ahead of its outcome. */
  parts?: number;

  /** Back to the queue and not counted at all: the task could not be started yet. Milliseconds. */
  defer(delay: number): void;
  /** Given back to the broker for any consumer, at once: this process stops. */
  release(): void;

  /**
   * Waits `ms`, or for `turn`, while the task keeps its slot. Resolves to false when the process began to stop, or the lease
   * was lost, before that; the control that waits then says what becomes of the task, which has not run.
   */
  wait(turn: number | Promise<unknown>): Promise<boolean>;

  /** The run has its start, or waits for something else than its start: a consumer with a rate fetches by this. */
  begin(): void;
  /** Gives the current run up: its signal aborts, what it says or does later is ignored. */
  abandon(reason: Error): void;
  /** Begins another run in place: a higher {@link attempt} and a fresh {@link signal}. */
  nextAttempt(): void;
  /** Notes that a run failed: one more entry of {@link errors}, one event. */
  failed(error: unknown, again: boolean): void;
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
