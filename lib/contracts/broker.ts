import type { BrokerFeatures } from './broker-features.js';
import type { Clock } from './clock.js';
import type { Outgoing, PublishFailure } from './outgoing.js';

export type { BrokerFeatures } from './broker-features.js';
export type { Outgoing, PublishFailure } from './outgoing.js';

/**
 * Moves opaque bodies between processes.
 *
 * A broker knows nothing of envelopes, retries, handlers or Nest. It never retries, never logs and never reconnects in a
 * loop of its own: it throws, and the core decides. It keeps no timers beyond those of its client. All verbs may be called
 * at the same time. Eight verbs are required (four here, four on {@link Subscription}); the others are found by presence.
 *
 * A verb that takes a list resolves to its *exceptions*, the members that did not go the ordinary way; an empty list is
 * the normal answer. It throws only when nothing is known of any member.
 */
export interface Broker {
  /** What the broker is, for messages and metrics: `'redis'`. */
  readonly kind: string;
  /** What the broker can do. The core refuses at start-up, or supplies itself, whatever is missing. */
  readonly features: BrokerFeatures;
  /**
   * Whether the app can't start while the server is away; so it is where nothing is said. With `false` the app starts all the
   * same, and every verb opens what is not open.
   */
  readonly required?: boolean;

  /**
   * Opens what the other verbs need. Idempotent; called before any other verb. Rejects with an {@link AwayError} when the
   * server can't be reached now, and with any other error when its options, rights or version can't work.
   */
  connect(context: ConnectContext): Promise<void>;

  /**
   * Stores messages at the end of `queue`, creating it when needed. Resolves when they are as safe as the broker promises
   * in its documentation. Resolves to the messages that were *not* stored, each with its reason.
   *
   * `messages` is never empty and may be kept: neither the list nor its members change afterwards.
   */
  publish(queue: string, messages: readonly Outgoing[]): Promise<readonly PublishFailure[]>;

  /**
   * As `publish`, within a transaction of the caller on the broker's own database, whatever a transaction is there: the messages
   * are there if and when it commits. Present where the broker can do so.
   */
  publishWithin?(
    transaction: unknown,
    queue: string,
    messages: readonly Outgoing[],
  ): Promise<readonly PublishFailure[]>;

  /**
   * Starts to take part in consuming `queue`. Several subscriptions to one queue share its messages. An {@link UnfitError} when the
   * app starts keeps it from starting; after any other, and later, the core tries again.
   */
  subscribe(queue: string, options: SubscribeOptions): Promise<Subscription>;

  /** Closes every subscription and then the connection. Idempotent; later verbs reject. Leaves a client that was handed in open. */
  close(): Promise<void>;

  /** How many messages of `queue` wait: published, not delayed into the future, not handed out. */
  count?(queue: string): Promise<number>;

  /** Removes every message of `queue` that is not handed out, delayed ones too where it can. Resolves to how many. */
  purge?(queue: string): Promise<number>;
}

export interface ConnectContext {
  /** The clock that delays, leases and polling follow. */
  readonly clock: Clock;
}

/** The server can't be reached at present: to try again later may help. Any other error of a broker or store is final. */
export interface AwayError extends Error {
  readonly away: true;
}

/** What is on the server, or may be done there, does not fit the options: nothing but a change of either helps. */
export interface UnfitError extends Error {
  readonly unfit: true;
}

export interface SubscribeOptions {
  /** The most deliveries that will be unacknowledged at once. */
  readonly prefetch: number;
  /** Milliseconds that an unacknowledged delivery stays ours after the last sign of life; see {@link Subscription.extend}. */
  readonly lease: number;
  /**
   * Which messages that are spread the queue gets from now on, also while nobody consumes it: `*` stands for one word, `#` for any
   * number of them, also none. Default: the queue's own name. Given only where `features.wildcards`.
   */
  readonly pattern?: string | undefined;
}

/** One consumer's hold on one queue. */
export interface Subscription {
  /**
   * Up to `max` deliveries, `max` ≥ 1. Waits for the first one; resolves to `[]` soon after `signal` aborts, and also
   * after at most five seconds without a message, so that the caller can tell a quiet queue from a dead connection.
   * Whatever was taken is returned: a delivery is never lost between the broker and an aborted call. One call at a time.
   */
  receive(max: number, signal: AbortSignal): Promise<Delivery[]>;

  /**
   * These are done for ever. Resolves to those that were no longer ours (their lease had passed and someone else may have
   * them); they are left untouched. Acknowledging twice is harmless.
   */
  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;

  /**
   * Gives deliveries back, for any consumer, at once, in their old place where the broker can. Does not count as a
   * redelivery where the broker counts. Resolves to those that were no longer ours.
   */
  release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;

  /**
   * A sign of life: keeps every delivery that is out (all of them are listed) for another lease. Present where a lease
   * runs down; the core calls it several times a lease, also when nothing is out. Resolves to the deliveries already lost.
   */
  extend?(deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;

  /**
   * How another thread keeps all that is out for another lease, while the event loop is blocked and can't call `extend`.
   * Present where a second connection can do so. Another object takes its place when the subscription is to be kept in
   * another way from then on; the core looks after each `receive` and `extend`.
   */
  readonly pulse?: Pulse;

  /**
   * Whether it stands while its server is away: what failed to be settled is settled once the server answers, and no other
   * subscription would do better. `false` when it is over, and another one is to take its place at once. Where nothing is said,
   * that happens after a few failures, or one to settle.
   */
  readonly lasting?: boolean;

  /** Ends the subscription; what it has not acknowledged becomes available again at once. Idempotent, also during `receive`. */
  close(): Promise<void>;
}

/** How to keep a subscription's lease from another thread: only data gets there, so it is data. */
export interface Pulse {
  /** Where signs of life go. Subscriptions that give the same object are kept by one connection, in one call. */
  readonly source: PulseSource;
  /**
   * What the connection is to keep alive. Anything that structured cloning copies; memory that is shared is not copied, so what
   * changes while the loop is not asked can be told in it.
   */
  readonly id: unknown;
  /** Milliseconds that one sign of life lasts, where that is not the lease that was asked for. */
  readonly lasts?: number;
}

export interface PulseSource {
  /** `file:` address of a module that Node can load as it is; exports `openPulse`, an {@link OpenPulse}. */
  readonly module: string;
  /** Handed to `openPulse`. Anything that structured cloning copies. */
  readonly data: unknown;
}

/** Opens a connection of its own, in the thread that it is called in. Rejects when it can't; it is then called again later. */
export type OpenPulse = (data: never, context: ConnectContext) => Promise<PulseConnection>;

export interface PulseConnection {
  /**
   * A sign of life of every {@link Pulse.id} in the list, as `extend` gives it; called several times a lease, never twice at
   * the same time. What was lost stays lost and is no error: the core learns of it from `extend`. Rejects when nothing is
   * known; the connection is then closed and another one opened.
   */
  beat(ids: readonly unknown[]): Promise<void>;
  /** Idempotent, also during `beat`. */
  close(): Promise<void>;
}

/** One message handed out: plain data, without methods. */
export interface Delivery {
  readonly body: Uint8Array;
  /** The broker's own token, by which it knows a delivery that is handed back. The core never looks inside. */
  readonly receipt: unknown;
  /** How often the message was handed out before and neither acknowledged nor released. 1 means "at least once" where `redelivery` is `'flagged'`. */
  readonly redelivered: number;
}
