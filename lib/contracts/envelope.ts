/** What a task is while it travels: plain data, the whole of it. Field names are the names on the wire. */
export interface Envelope {
  /** Version of this layout. Readers take {@link ENVELOPE_VERSION} and older, and ignore fields that they do not know. */
  readonly v: number;
  /** The task's id, the same in every copy that retries and requeues make. */
  readonly id: string;
  /**
   * Random, the same in every copy of one publish: tells two publishes apart that were given the same {@link id}. Left out
   * where the id itself is random.
   */
  readonly origin?: string;
  /** Arguments by position. */
  readonly args: readonly unknown[];
  /** Milliseconds since the epoch, on the publisher's clock; kept by retries and requeues. */
  readonly publishedAt: number;
  /** Number of the run that this copy asks for, from 1. Retries raise it. */
  readonly attempt: number;
  /** How often the task went back to its queue by a `RequeueError`. */
  readonly requeues?: number;
  /** How often consumers died with earlier copies of this task; the broker counts for this copy only. */
  readonly deliveries?: number;
  /** Consumer options that this one task overrides, as given by the publisher. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly priority?: number;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it was emitted as, where queues of other names may have a copy of it, too. */
  readonly pattern?: string;
  /** Present when somebody waits for the outcome. */
  readonly reply?: ReplyAddress;
  /** What earlier runs failed with, oldest first; the oldest are dropped beyond a limit. */
  readonly errors?: readonly ErrorRecord[];
}

/** The newest envelope layout that this version writes. */
export const ENVELOPE_VERSION = 1;

export interface ReplyAddress {
  /** Queue of the waiting process, on the broker that carries the task. */
  readonly queue: string;
  /** Random id of the waiting call. */
  readonly call: string;
  /** Milliseconds since the epoch after which nobody waits any more. */
  readonly until: number;
  /** Present when the caller takes a result in parts: the milliseconds that it waits for each. */
  readonly parts?: number;
}

/** The outcome of a task on its way back to the caller, or a part of it. */
export interface Reply {
  readonly v: number;
  readonly call: string;
  /** The result; beside an error what was thrown, where that is data. */
  readonly value?: unknown;
  readonly error?: ErrorRecord;
  /** This is no outcome yet: the value at this place of a result that comes in parts, counted from 0. */
  readonly part?: number;
  /** How many parts came before this outcome. */
  readonly parts?: number;
  /** This is no outcome yet: the task has been taken up, and its function can be spoken to here. */
  readonly from?: Pick<ReplyAddress, 'queue' | 'call'>;
  /** The queue that the task came from, where several may have had a copy of it: each of them answers. */
  readonly source?: string;
}

/** An error as data: bounded in size and depth, safe to send and to store. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
  /** When and in which run it happened. */
  readonly at?: number;
  readonly attempt?: number;
}

/** What stands in a dead-letter queue. Holds either the envelope or, when that could not be read, the raw bytes. */
export interface DeadLetter {
  readonly v: number;
  /** The queue that the task came from. */
  readonly queue: string;
  /** Why it died, in words. */
  readonly reason: string;
  /** The same as a code: `'failed'`, `'undecodable'`, `'poison'`, `'refused'` … */
  readonly code: string;
  /** Milliseconds since the epoch. */
  readonly diedAt: number;
  /** Every error kept, oldest first. */
  readonly errors: readonly ErrorRecord[];
  readonly envelope?: Envelope;
  /** Base64 of the body as it was received. */
  readonly raw?: string;
}
