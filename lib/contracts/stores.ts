import type { ConnectContext } from './broker.js';
import type { ConsumerLoad } from './counters.js';
import type { ErrorRecord } from './envelope.js';

/**
 * Side stores: what several processes must know besides the queue. A store follows the same rules as a broker: it never
 * retries and never logs, every verb may be called at the same time and rejects when the store is away.
 */
export interface Store {
  readonly kind: string;
  /** Outlives the process. */
  readonly durable: boolean;
  /** Seen alike by every process that opens it. */
  readonly shared: boolean;
  /** As {@link Broker.required}. */
  readonly required?: boolean;
  /** As {@link Broker.connect}. */
  connect(context: ConnectContext): Promise<void>;
  /** Idempotent; flushes. */
  close(): Promise<void>;
}

/** Remembers which calls were already executed, and which are being executed. Every verb is atomic. */
export interface FilterStore {
  /**
   * Takes `key` for `owner` for `lease` milliseconds, unless another owner holds it or it was executed within its TTL.
   * An owner that claims again renews its claim. A claim whose lease ran out may be taken by anyone.
   */
  claim(key: string, owner: string, lease: number): Promise<FilterClaim>;

  /**
   * `key` was executed by `owner`: later claims answer `done` for `ttl` milliseconds from now (for ever without), exact
   * on every read. `value` is handed to those who ask meanwhile. Resolves to false, and changes nothing, when the claim had
   * passed to another owner.
   */
  confirm(key: string, owner: string, ttl?: number, value?: Uint8Array): Promise<boolean>;

  /** Gives the claim up so that an equal call may run. Does nothing when `owner` does not hold it. */
  release(key: string, owner: string): Promise<void>;
}

export type FilterClaim =
  | { readonly state: 'claimed' }
  /** Another owner holds the key. */
  | { readonly state: 'running' }
  /** Executed, by the owner that asks where `own`; `value` as it was confirmed. */
  | { readonly state: 'done'; readonly own: boolean; readonly value?: Uint8Array };

/** Hands out start times on an absolute schedule. */
export interface RateStore {
  /**
   * Reserves `permits` starts for `key`, `interval` milliseconds apart (fractions count), of which `burst` may come at
   * once after a pause. Resolves to the milliseconds until the first of them, by the time when it resolves; the others follow
   * `interval` apart. It is less than 0, by up to `burst - 1` intervals, where several may start at once. A reservation can't be
   * given back; 0 permits reserve nothing and tell when a start could be had. Source: the generic cell rate algorithm, ITU-T I.371.
   */
  reserve(key: string, interval: number, burst: number, permits: number): Promise<number>;
}

/** Who consumes what, where. A report that is not renewed within its `ttl` disappears. */
export interface PresenceStore {
  report(worker: WorkerReport, ttl: number): Promise<void>;
  withdraw(id: string): Promise<void>;
  list(): Promise<readonly WorkerReport[]>;
}

export interface WorkerReport {
  /** Random id of the process's engine. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Hash of the effective options of each consumer, by `broker/queue`; two processes that differ are warned. */
  readonly consumers: Readonly<Record<string, string>>;
  /** How each consumer fares, by `broker/queue`; missing in reports of older versions. */
  readonly loads?: Readonly<Record<string, ConsumerLoad>>;
  /** By how many processes this one divides split limits, by `broker/queue`. */
  readonly parts?: Readonly<Record<string, number>>;
}

/** Short texts that users change while processes run, for all processes alike. They are few, and stay until they are removed. */
export interface SettingsStore {
  /** Keeps `value` under `key`, in place of what stood there; `undefined` removes it. The last writer wins. */
  set(key: string, value: string | undefined): Promise<void>;
  /** What stands under the keys that begin with `prefix`, by key. */
  settings(prefix: string): Promise<ReadonlyMap<string, string>>;
}

/** What processes agree on besides messages. */
export interface CoordinationStore extends Store, FilterStore, RateStore, PresenceStore, SettingsStore {}

/** Keeps the outcomes of tasks. */
export interface ResultStore extends Store {
  /**
   * Writes all of `results`; of one task id the record that finished last stays, whatever the order of writing. Resolves to the positions that
   * could not be written and why, so that one bad record does not hold up the others.
   */
  save(results: readonly TaskResult[]): Promise<readonly { readonly index: number; readonly error: Error }[]>;
  find(id: string): Promise<TaskResult | undefined>;
  /** Newest first by `finishedAt`. */
  query(query: ResultQuery): Promise<readonly TaskResult[]>;
  /**
   * How many outcomes there were in each second, minute, hour or day, oldest first, without reading the records. Each outcome counts
   * once, however often it is saved; one that replaces an earlier outcome of its task counts besides it. Present where the store counts.
   */
  counts?(query: CountQuery): Promise<readonly ResultCount[]>;
}

export type CountPeriod = 'second' | 'minute' | 'hour' | 'day';

export interface CountQuery {
  /** Days are those of UTC. */
  readonly per: CountPeriod;
  readonly queue?: string;
  readonly status?: TaskStatus;
  /** Only periods that begin at or after, and before; all that are kept by default. Milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
}

/** Outcomes of one queue and status in one period. */
export interface ResultCount {
  /** When the period began, in milliseconds since the epoch. */
  readonly at: number;
  readonly queue: string;
  readonly status: TaskStatus;
  readonly count: number;
}

export type TaskStatus = 'done' | 'retrying' | 'requeued' | 'filtered' | 'expired' | 'discarded' | 'dead' | 'released';

/** One task's latest outcome. Times are milliseconds since the epoch. */
export interface TaskResult {
  readonly id: string;
  readonly queue: string;
  readonly status: TaskStatus;
  /** Runs so far. */
  readonly attempts: number;
  readonly publishedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly host: string;
  readonly pid: number;
  readonly error?: ErrorRecord;
  /** Why it was filtered, expired, discarded or died. */
  readonly reason?: string;
  /** Arguments and result as the codec wrote them; only where the consumer persists results. */
  readonly args?: Uint8Array;
  readonly value?: Uint8Array;
  /**
   * Arguments or result are no data, larger than `maxPayload`, or together larger than the 16 MiB that may wait for a store; what
   * became of the task is not touched by that.
   */
  readonly unserializable?: boolean;
  /** When the record may be dropped; a store never returns it afterwards. */
  readonly expiresAt?: number;
}

export interface ResultQuery {
  readonly queue?: string;
  readonly status?: TaskStatus;
  /** Only those finished at or after, and before. */
  readonly from?: number;
  readonly until?: number;
  /** At most this many; 100 by default, 1000 at most. */
  readonly limit?: number;
  /** Passes over this many of the newest. */
  readonly skip?: number;
}
