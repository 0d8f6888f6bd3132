import type { Broker, Delivery, SubscribeOptions, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { Batcher } from '../batcher.js';
import { FunqError } from '../errors.js';
import type { Heartbeat } from '../heartbeat/heartbeat.js';
import { Held, type Settlements } from './held.js';
import { insist } from './insist.js';

export interface SessionOptions {
  readonly queue: string;
  /** The broker, and its name in the app. */
  readonly broker: Broker;
  readonly name: string;
  readonly clock: Clock;
  /** The most deliveries in hand. */
  readonly prefetch: number;
  readonly lease: number;
  /** As {@link SubscribeOptions.pattern}. */
  readonly pattern?: SubscribeOptions['pattern'];
  /** Keeps the lease while the event loop is blocked. */
  readonly heartbeat?: Heartbeat | undefined;
  /** Somebody else may have this delivery now. */
  lost(delivery: Held): void;
}

type Verb = (list: readonly Delivery[]) => Promise<readonly Delivery[]>;

const BATCH = 1000;
/** A broker answers `receive` within five seconds; one that took this long is not coming back. */
const RECEIVE_DEADLINE = 15_000;
/** The longest, in milliseconds, that one settlement or the closing may take. */
const DEADLINE = 5000;

/** Subscribes. Rejects with `FUNQ_BROKER_UNAVAILABLE` when that takes too long, or as the broker does. */
export async function openSession(options: SessionOptions, onClosed: (session: Session) => void): Promise<Session> {
  const { broker, queue, prefetch, lease, pattern, clock } = options;
  const subscribing = broker.subscribe(queue, { prefetch, lease, ...(pattern !== undefined && { pattern }) });
  const late = (): Error => silent(options, 'subscribing');
  const subscription = await withDeadline(clock, RECEIVE_DEADLINE, subscribing, late).catch((error: unknown) => {
    subscribing.then((abandoned) => abandoned.close()).catch(() => undefined);
    throw error;
  });
  return new Session(subscription, options, onClosed);
}

/** One subscription while it is in use: what is out, its batched settlements, its heartbeat. */
export class Session implements Settlements {
  readonly #out = new Map<Delivery, Held>();
  /** Received, and not handed out before another thread can keep it. */
  #arriving = new Set<Delivery>();
  readonly acks: Batcher<Delivery, boolean>;
  readonly releases: Batcher<Delivery, boolean>;
  readonly #stopHeartbeat: () => void;
  #beating = false;
  /** Nothing more is to be received from it. */
  retired = false;
  /** The process stops: what fails is not tried again. */
  hurried = false;
  #closing: Promise<void> | undefined;

  constructor(
    readonly subscription: Subscription,
    private readonly options: SessionOptions,
    private readonly onClosed: (session: Session) => void,
  ) {
    this.acks = new Batcher((list) => this.#settle(list, (all) => subscription.ack(all)), BATCH);
    this.releases = new Batcher((list) => this.#settle(list, (all) => subscription.release(all)), BATCH);
    this.#stopHeartbeat = subscription.extend
      ? options.clock.every(options.lease / 3, () => void this.#beat())
      : () => undefined;
    this.#keep();
  }

  /**
   * Up to `max` deliveries, to be held at once; none before another thread can keep them, unless `signal` aborts. Rejects with
   * `FUNQ_BROKER_UNAVAILABLE` when the broker does not answer, or as it does.
   */
  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    const receiving = this.subscription.receive(max, signal);
    const deliveries = await (this.options.broker.features.patient ? receiving : this.#inTime(receiving));
    this.#keep();
    const kept = deliveries.length > 0 ? await this.#ready(deliveries, signal) : deliveries;
    // What a closing subscription has goes back with it.
    return this.#closing ? [] : kept;
  }

  get prefetch(): number {
    return this.options.prefetch;
  }

  hold(delivery: Delivery): Held {
    const held = new Held(delivery, this);
    this.#out.set(delivery, held);
    return held;
  }

  retire(): void {
    this.retired = true;
    this.#endIfIdle();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Resolves when another thread can keep what was received, and at once when the caller stops; to what was not lost meanwhile. */
  async #ready(deliveries: Delivery[], signal: AbortSignal): Promise<Delivery[]> {
    const unready = this.options.heartbeat?.unready(this.subscription);
    if (!unready || signal.aborted) return deliveries;
    const arriving = (this.#arriving = new Set(deliveries));
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([unready, stopped]);
    this.#arriving = new Set();
    return [...arriving];
  }

  #inTime(receiving: Promise<Delivery[]>): Promise<Delivery[]> {
    const late = (): Error => silent(this.options, 'receiving');
    return withDeadline(this.options.clock, RECEIVE_DEADLINE, receiving, late).catch((error: unknown) => {
      // An answer that comes after all goes back at once.
      receiving.then((list) => Promise.all(list.map((each) => this.releases.add(each)))).catch(() => undefined);
      throw error;
    });
  }

  async #close(): Promise<void> {
    await Promise.all([this.acks.flush(), this.releases.flush()]);
    this.#stopHeartbeat();
    await this.options.heartbeat?.leave(this.subscription);
    const late = (): Error => silent(this.options, 'closing');
    await withDeadline(this.options.clock, DEADLINE, this.subscription.close(), late).catch(() => undefined);
    this.onClosed(this);
  }

  async #settle(list: readonly Delivery[], verb: Verb): Promise<readonly boolean[]> {
    const { clock, lease } = this.options;
    const late = (): Error => silent(this.options, 'settling');
    const how = { clock, deadline: Math.min(lease, DEADLINE), late, hurried: () => this.hurried };
    try {
      const refused = new Set(await insist(() => verb(list), how));
      return list.map((delivery) => !refused.has(delivery));
    } catch (error) {
      // What can't be settled must not stay ours for ever: a new subscription lets the broker hand it out again.
      if (!this.subscription.lasting) this.retired = true;
      throw error;
    } finally {
      for (const delivery of list) this.#out.delete(delivery);
      this.#endIfIdle();
    }
  }

  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      const late = (): Error => silent(this.options, 'a sign of life');
      const extending = this.subscription.extend!([...this.#out.keys(), ...this.#arriving]);
      for (const delivery of await withDeadline(this.options.clock, this.options.lease, extending, late))
        this.#lose(delivery);
      this.#keep();
    } catch {
      // The next beat tries again; if the lease runs out meanwhile, the broker refuses what is settled late.
    } finally {
      this.#beating = false;
    }
  }

  #keep(): void {
    if (!this.#closing) this.options.heartbeat?.keep(this.subscription, this.options.lease);
  }

  #lose(delivery: Delivery): void {
    this.#arriving.delete(delivery);
    const held = this.#out.get(delivery);
    if (!held) return;
    this.#out.delete(delivery);
    held.lost = true;
    this.options.lost(held);
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.retired && this.#out.size === 0) void this.close();
  }
}

function silent({ name, queue }: SessionOptions, doing: string): FunqError {
  return new FunqError('FUNQ_BROKER_UNAVAILABLE', `broker '${name}' did not answer ${doing} on ${queue} in time`);
}
