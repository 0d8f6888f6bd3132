import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ScheduleOptions, SchedulePolicy } from './schedule.js';

/** Milliseconds, or a number with a unit: `'500ms'`, `'10s'`, `'1.5m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

/**
 * What `@Consumer()` accepts. Everything is optional; what is left out comes from `forRoot({ defaults })`, then from the
 * default named here. `false` (and `0` where a number is asked) switches a control off that the defaults switch on.
 */
export interface ConsumerOptions extends TaskOverrides {
  /** Queue to consume. Default: `ClassName.methodName`. */
  queue?: string;
  /** Name of the broker in `forRoot({ brokers })`. Default: `'default'`. */
  broker?: string;
  /** Lets a process consume only some consumers: `forRoot({ consume: { groups } })`. */
  group?: string;
  /**
   * The most tasks of this consumer in flight in one process, 1 to 10,000. Default: 50; with `rate`, as many as
   * the rate needs, up to 500.
   */
  concurrency?: number;
  /** When the consumer may fetch tasks. Outside the window it stops fetching; nothing is requeued. */
  window?: WindowOptions | false;
  /** How long a consumer that gave no sign of life keeps its tasks: recovery time after a crash. 1s to 1h, default `'10s'`. */
  lease?: Duration;
  /** Priority of tasks published without one, 0 to 255; higher runs first. Default: 0. */
  priority?: number;
  /** Any Standard Schema of the argument tuple; checked when publishing and again, with its transformations applied, when consuming. */
  schema?: StandardSchemaV1;
  /** When tasks of this consumer are published by themselves; processes that consume the queue see to it. Default: never. */
  schedule?: ScheduleOptions | readonly ScheduleOptions[] | false;
}

/** Options that one task can override when it is published. `undefined` inherits; `0` and `false` are honoured. */
export interface TaskOverrides {
  /** Starts per second (retries count), or more exactly {@link RateOptions}. Default: no limit. */
  rate?: number | RateOptions | false;
  /** More runs after the first that failed, at once; or {@link RetryOptions}. Default: 0. */
  retry?: number | RetryOptions | false;
  /** The longest that one run may take. Default: no limit. */
  timeout?: Duration | false;
  /** Skip the task when an equal call was executed, for ever with `true`. Default: off. */
  filter?: boolean | FilterOptions;
  /** Discard the task when it is older than this at the moment it would start. Default: off. */
  expire?: Duration | false;
  /** What to save in `stores.results`: the outcome, or the outcome with arguments and result. Default: nothing. */
  persist?: 'status' | 'result' | PersistOptions | false;
  /** Where tasks go that failed for the last time. `true`: `<queue>.dead`; a name; `false`: nowhere. Default: `true`. */
  deadLetter?: boolean | string;
  /** How many consumers may die, or lose their lease, with the task in hand before it counts as poison, 1 to 100. Default: 5. */
  maxDeliveries?: number;
}

/** What can be changed while consumers run. `undefined` leaves what was set before. Scope and key of a rate stay the consumer's. */
export interface LiveOptions {
  /** Starts per second, or more exactly; `false` for no limit. */
  rate?: number | Omit<RateOptions, 'scope' | 'key'> | false;
  /** As {@link ConsumerOptions.concurrency}. Running tasks are not ended when it shrinks. */
  concurrency?: number;
  window?: WindowOptions | false;
  /** Fetch nothing, whatever the window says. */
  paused?: boolean;
}

export interface RateOptions {
  /** Starts in each {@link per}; fractions are allowed. */
  starts: number;
  /** Default: `'1s'`. */
  per?: Duration;
  /** How many starts may come at once after a pause. Default: 1, evenly spaced. */
  burst?: number;
  /**
   * What the limit holds for. Default: `'process'`. The others need `stores.coordination`.
   *
   * - `'process'`: each process has the limit for itself.
   * - `'shared'`: all processes together, on one schedule in the store: 99.2 % of the limit, so that it also holds in every single
   *   second for starts that come a little late in one process. About 170 store calls a second at most, whatever the limit.
   * - `'split'`: all processes together, each with an equal part of the limit; no store calls for tasks. Parts follow the number of
   *   processes that consume the queue, seen every five seconds, and are never more than the whole: a newcomer starts its first
   *   task when all others have made room, after six seconds at most, and what one leaves that was killed is lost for half a
   *   minute. What an idle process does not use is lost as well. Any window may hold one start for each process above the limit.
   *   While the store is away the parts stay as they were.
   */
  scope?: 'process' | 'shared' | 'split';
  /** One limit for each value of this function of the arguments. */
  key?: (...args: never[]) => string;
}

export interface RetryOptions {
  /** More runs after the first, 0 to 1,000. */
  times: number;
  /** Wait before the next run. Default: none. A wait above one second frees the slot. */
  delay?: Duration;
  /** Each wait is this many times the one before, ≥ 1. Default: 1. */
  factor?: number;
  /** The longest wait. Default: `'1h'`. */
  max?: Duration;
  /** Part of each wait that is left to chance, 0 to 1. Default: 0. */
  jitter?: number;
  /** Whether this error deserves another run. Default: everything but HTTP exceptions of the 400 range (408 and 429 are retried). */
  when?: (error: unknown, attempt: number) => boolean;
}

export interface FilterOptions {
  /** How long an executed call counts, from its completion. Default: for ever. */
  ttl?: Duration;
  /** What makes two calls equal. Default: their arguments as canonical JSON. */
  key?: (...args: never[]) => string;
  /** `'cached'` answers callers of a filtered task with the stored result instead of an error. */
  reply?: 'cached';
}

export interface PersistOptions {
  /** Also arguments and result, not only the outcome. Default: false. */
  result?: boolean;
  /** How long records are kept. Default: `'7d'`. */
  ttl?: Duration;
}

export interface WindowOptions {
  /** `'22:00-06:00'` (also across midnight) or five-field cron expressions whose minutes count. */
  allow?: string | readonly string[];
  /** The same; wins over {@link allow}. */
  deny?: string | readonly string[];
  /** IANA name. Default: `'UTC'`. */
  timeZone?: string;
}

/** One consumer's options: merged, checked, in milliseconds, frozen. */
export interface Policy {
  readonly queue: string;
  readonly broker: string;
  /** `ClassName.methodName`, for messages. */
  readonly handler: string;
  readonly group: string | undefined;
  readonly concurrency: number;
  /** Concurrency follows the rate instead of being fixed. */
  readonly elastic: boolean;
  readonly window: Readonly<WindowPolicy> | undefined;
  readonly lease: number;
  readonly priority: number;
  readonly schema: StandardSchemaV1 | undefined;
  readonly schedules: readonly SchedulePolicy[];
  readonly rate: Readonly<RatePolicy> | undefined;
  readonly retry: Readonly<RetryPolicy> | undefined;
  readonly timeout: number | undefined;
  readonly filter: Readonly<FilterPolicy> | undefined;
  readonly expire: number | undefined;
  readonly persist: { readonly result: boolean; readonly ttl: number } | undefined;
  /** Name of the dead-letter queue. */
  readonly deadLetter: string | undefined;
  readonly maxDeliveries: number;
}

export interface RatePolicy {
  /** Tells the schedule of a rate that was changed while running from the one before it, whose starts may lie far ahead. */
  schedule: string;
  /** Milliseconds between two starts. */
  interval: number;
  burst: number;
  scope: 'process' | 'shared' | 'split';
  key: ((...args: never[]) => string) | undefined;
}

export interface RetryPolicy {
  times: number;
  delay: number;
  factor: number;
  max: number;
  jitter: number;
  when: ((error: unknown, attempt: number) => boolean) | undefined;
}

export interface FilterPolicy {
  ttl: number | undefined;
  key: ((...args: never[]) => string) | undefined;
  reply: 'cached' | undefined;
}

export interface WindowPolicy {
  allow: readonly string[];
  deny: readonly string[];
  timeZone: string;
}
