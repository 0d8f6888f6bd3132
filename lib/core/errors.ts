import type { ErrorRecord } from '../contracts/envelope.js';
import type { Duration } from '../contracts/policy.js';

/** Every error that the library makes itself. `code` is stable; the message says what, where and how to mend it. */
export class FunqError extends Error {
  constructor(
    readonly code: FunqErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

export type FunqErrorCode =
  | 'FUNQ_OPTION_INVALID'
  | 'FUNQ_QUEUE_NAME'
  | 'FUNQ_CONSUMER_CLASH'
  | 'FUNQ_CONSUMER_UNKNOWN'
  | 'FUNQ_BROKER_UNKNOWN'
  | 'FUNQ_BROKER_UNAVAILABLE'
  | 'FUNQ_STORE_MISSING'
  | 'FUNQ_FEATURE_UNSUPPORTED'
  | 'FUNQ_DELAY_UNSUPPORTED'
  | 'FUNQ_UNSERIALIZABLE'
  | 'FUNQ_PAYLOAD_TOO_LARGE'
  | 'FUNQ_UNDECODABLE'
  | 'FUNQ_VERSION_NEWER'
  | 'FUNQ_SCHEMA'
  | 'FUNQ_PUBLISH_FAILED'
  | 'FUNQ_PUBLISH_TIMEOUT'
  | 'FUNQ_REPLY_TIMEOUT'
  | 'FUNQ_CLOSED'
  | 'FUNQ_STREAM_OVERFLOW'
  | 'FUNQ_TIMEOUT'
  | 'FUNQ_LEASE_LOST'
  | 'FUNQ_SHUTDOWN'
  | 'FUNQ_EXPIRED'
  | 'FUNQ_FILTERED'
  | 'FUNQ_DISCARDED'
  | 'FUNQ_REQUEUE'
  | 'FUNQ_DEAD_LETTER'
  | 'FUNQ_LETTER_UNKNOWN'
  | 'FUNQ_OUT_OF_REACH'
  | 'FUNQ_NOT_DRAINED'
  | 'FUNQ_REMOTE';

/** An option, name or set-up that can't work. Thrown at start-up or when publishing. */
export class FunqConfigError extends FunqError {}

/** A value that can't be sent. `path` leads to it: `args[0].user.socket`. */
export class FunqUnserializableError extends FunqError {
  constructor(
    readonly path: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super('FUNQ_UNSERIALIZABLE', `${path} can't be sent: ${why}`, options);
  }
}

/** A run that took longer than its `timeout`. The function was abandoned: what it does later is ignored and counted. */
export class FunqTimeoutError extends FunqError {
  constructor(handler: string, ms: number) {
    super('FUNQ_TIMEOUT', `${handler} took longer than its timeout of ${ms} ms and was abandoned`);
  }
}

/** What a caller of `ask()` receives when the task failed elsewhere. `remoteStack` is the stack over there. */
export class FunqRemoteError extends FunqError {
  readonly remoteName: string;
  readonly remoteCode: string | undefined;
  readonly remoteStack: string | undefined;

  constructor(record: ErrorRecord) {
    const cause = record.cause && new FunqRemoteError(record.cause);
    super('FUNQ_REMOTE', record.message, cause ? { cause } : undefined);
    this.remoteName = record.name;
    this.remoteCode = record.code;
    this.remoteStack = record.stack;
  }
}

export interface RequeueOptions {
  /** Before this has passed the task does not run again. Default: one second, so that a task can't spin. */
  delay?: Duration;
  reason?: string;
  /** After this many requeues the task is dead instead. Default: no limit. */
  max?: number;
}

/** Thrown by a handler: not now, put the task back. Counted as a requeue, not as an attempt. */
export class RequeueError extends FunqError {
  readonly delay: Duration;
  readonly max: number;

  constructor(options: RequeueOptions = {}) {
    super('FUNQ_REQUEUE', options.reason ?? 'requeued by its handler');
    this.delay = options.delay ?? 1000;
    this.max = options.max ?? Infinity;
  }
}

/** Thrown by a handler: never again, to the dead letters without any retry. */
export class DeadLetterError extends FunqError {
  constructor(reason: string, options?: ErrorOptions) {
    super('FUNQ_DEAD_LETTER', reason, options);
  }
}

/** `instanceof` for what was thrown, which may be anything: a revoked proxy makes the operator itself throw. */
export function isA<T>(thrown: unknown, type: abstract new (...args: never[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}
