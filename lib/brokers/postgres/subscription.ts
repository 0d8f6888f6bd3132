import type { Delivery, Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import type { Attempt, Polling } from '../support/polling.js';
import type { PostgresConsumers } from './consumers.js';
import type { PostgresListener } from './listener.js';
import { Portions } from './portions.js';
import { Reserve } from './reserve.js';
import { PostgresSettling } from './settling.js';
import { MOST, type Claim, type PostgresTasks, type Receipt } from './tasks.js';

export interface PostgresSubscriptionParts {
  readonly clock: Clock;
  readonly tasks: PostgresTasks;
  readonly consumers: PostgresConsumers;
  readonly listener: PostgresListener;
  readonly polling: Polling;
  /** Where another thread can beat; undefined where it can't open a connection. */
  readonly source: PulseSource | undefined;
  /** Messages became available in these queues, for anybody. */
  wake(queues: readonly string[]): void;
  closed(subscription: PostgresSubscription): void;
}

export class PostgresSubscription implements Subscription {
  #id = 0;
  #pulse: Pulse | undefined;
  #registering: Promise<void> | undefined;
  readonly #settling: PostgresSettling;
  readonly #portions = new Portions();
  /** Handed to the core and not settled, each by the last receipt of it: a server that fell forgets to whom it gave something. */
  readonly #out = new Map<string, Receipt>();
  /** When to look for messages that were claimed by calls whose answer never came. */
  #recoverAt = Infinity;
  #closing: Promise<void> | undefined;
  readonly #reserve: Reserve<Delivery>;

  constructor(
    readonly queue: string,
    private readonly lease: number,
    private readonly parts: PostgresSubscriptionParts,
  ) {
    this.#settling = new PostgresSettling(parts.tasks);
    this.#reserve = new Reserve(parts.clock, {
      most: MOST,
      fetch: async (max) => (await this.#attempt(max)).taken,
      holds: (delivery) => this.#holds(delivery),
      giveBack: (deliveries) => this.release(deliveries),
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.#register(), this.parts.listener.check()]);
  }

  /** Of the consumer, as the server knows it. */
  get id(): number {
    return this.#id;
  }

  get pulse(): Pulse | undefined {
    return this.#pulse;
  }

  get lasting(): false | undefined {
    return this.#settling.over ? false : undefined;
  }

  wake(): void {
    this.parts.polling.wake();
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw this.#ended();
    return this.#reserve.receive(max, () => this.parts.polling.receive(() => this.#attempt(max), signal));
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, (owner, seqs) => this.#settling.ack(owner, seqs));
  }

  async release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const lost = await this.#settle(deliveries, (owner, seqs) => this.#settling.release(owner, seqs));
    this.parts.wake([this.queue]);
    return lost;
  }

  async extend(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    if (!this.#closing) await this.#stayAlive();
    return deliveries.filter((delivery) => this.#closing || !this.#holds(delivery));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { consumers, polling, wake, closed } = this.parts;
    polling.stop();
    this.#reserve.stop();
    try {
      if (await consumers.leave(this.#id)) wake([this.queue]);
    } finally {
      closed(this);
    }
  }

  async #attempt(max: number): Promise<Attempt<Delivery>> {
    const { consumers, listener, wake } = this.parts;
    if (this.#settling.over) throw this.#ended();
    void listener.check();
    const returned = await consumers.sweep(this.lease);
    if (returned.length > 0) wake(returned);
    const id = this.#id;
    const { taken, alive, due } = await this.#portions.take(max, (most) => this.#claim(id, most));
    // Given up for dead meanwhile, what was claimed is not ours.
    if (id !== this.#id) return { taken: [], next: 0 };
    for (const delivery of taken) this.#out.set(receiptOf(delivery).seq, receiptOf(delivery));
    if (this.#settling.over) {
      this.#reserve.giveBack(taken);
      throw this.#ended();
    }
    if (!alive && !this.#closing) {
      await this.#succeed(id);
      return { taken, next: 0 };
    }
    return due < Infinity ? { taken, next: due } : { taken };
  }

  async #claim(id: number, max: number): Promise<Claim> {
    const { tasks, clock } = this.parts;
    // Now and then, once a claim has failed: it may still arrive long after.
    if (clock.monotonic() >= this.#recoverAt) {
      const taken = await tasks.recover(id, [...this.#out.keys()], max);
      if (taken.length > 0) return { taken, alive: true, rested: false, due: Infinity };
      this.#recoverAt = clock.monotonic() + this.lease / 3;
    }
    try {
      const claim = await tasks.claim(this.queue, id, max);
      return claim.rested && !this.#closing ? await tasks.claim(this.queue, id, max) : claim;
    } catch (error) {
      this.#recoverAt = -Infinity;
      throw error;
    }
  }

  async #stayAlive(): Promise<void> {
    const id = this.#id;
    if (!(await this.parts.consumers.beat(id)) && !this.#closing) await this.#succeed(id);
  }

  /** A new consumer in place of one that was given up, once: a second would disown what the first has claimed. */
  async #succeed(dead: number): Promise<void> {
    if (dead === this.#id)
      await (this.#registering ??= this.#register().finally(() => (this.#registering = undefined)));
  }

  /** The receipts of an earlier one are worth nothing from then on. */
  async #register(): Promise<void> {
    const { consumers, source } = this.parts;
    const { id, since } = await consumers.register(this.queue, this.lease);
    this.#id = id;
    this.#settling.begin(id, since);
    this.#out.clear();
    this.#recoverAt = Infinity;
    this.#pulse = source && { source, id };
  }

  #ended(): Error {
    return driverError('FUNQ_POSTGRES_CLOSED', `The subscription to ${this.queue} is closed`);
  }

  async #settle(
    deliveries: readonly Delivery[],
    change: (owner: number, seqs: readonly string[]) => Promise<Set<string>>,
  ): Promise<readonly Delivery[]> {
    const owner = this.#id;
    const held = deliveries.filter((delivery) => this.#holds(delivery));
    const seqs = held.map((delivery) => receiptOf(delivery).seq);
    const lost = seqs.length > 0 ? await change(owner, seqs) : new Set<string>();
    for (const delivery of held) if (this.#holds(delivery)) this.#out.delete(receiptOf(delivery).seq);
    if (lost.size === 0 && held.length === deliveries.length) return [];
    const kept = new Set(held);
    return deliveries.filter((delivery) => !kept.has(delivery) || lost.has(receiptOf(delivery).seq));
  }

  #holds(delivery: Delivery): boolean {
    const receipt = receiptOf(delivery);
    return this.#out.get(receipt.seq) === receipt;
  }
}

const receiptOf = (delivery: Delivery): Receipt => delivery.receipt as Receipt;
