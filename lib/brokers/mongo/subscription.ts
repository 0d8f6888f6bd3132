import type { Delivery, Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import type { Attempt, Polling } from '../support/polling.js';
import { MongoConsumer } from './consumer.js';
import type { MongoConsumers } from './consumers.js';
import type { MongoSession } from './session.js';
import type { Claimed, MongoTasks, Receipt } from './tasks.js';

/** What a subscription works with; made anew when the connection is. */
export interface MongoParts {
  readonly tasks: MongoTasks;
  readonly consumers: MongoConsumers;
}

export interface MongoSubscriptionOptions {
  readonly queue: string;
  readonly lease: number;
  readonly session: MongoSession<MongoParts>;
  readonly clock: Clock;
  readonly polling: Polling;
  /** Most milliseconds between two looks at the delayed messages. */
  readonly pollInterval: number;
  /** Where another thread can beat; undefined where it can't connect. */
  readonly source: PulseSource | undefined;
  /** Messages may have become available in `queue`, or in any queue. */
  wake(queue?: string): void;
  closed(subscription: MongoSubscription): void;
}

/** One consumer: its document under a random id, and what it holds. While that document is there, nobody else gets what it holds. */
export class MongoSubscription implements Subscription {
  readonly #consumer: MongoConsumer;
  #closing: Promise<void> | undefined;
  readonly #out = new Set<Receipt>();
  /** Settled, and the answer was not heard yet. */
  readonly #unheard = new Set<Receipt>();
  #matureAt = -Infinity;
  #due = Infinity;
  /** When to look for messages that were claimed by calls whose answer never came. */
  #recoverAt = Infinity;

  constructor(private readonly options: MongoSubscriptionOptions) {
    const renewed = (): void => {
      this.#out.clear();
      this.#unheard.clear();
    };
    this.#consumer = new MongoConsumer({ ...options, renewed });
  }

  get queue(): string {
    return this.options.queue;
  }

  start(): Promise<void> {
    return this.#beat();
  }

  get pulse(): Pulse | undefined {
    return this.#consumer.pulse;
  }

  /** Messages may have come; `delayed` ones, too. */
  wake(delayed = false): void {
    if (delayed) this.#matureAt = -Infinity;
    this.options.polling.wake();
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw driverError('FUNQ_MONGO_CLOSED', `The subscription to ${this.queue} is closed`);
    const attempt = (): Promise<Attempt<Delivery>> => this.options.session.run((parts) => this.#attempt(parts, max));
    return this.options.polling.receive(attempt, signal).catch((error: unknown) => {
      this.#recoverAt = -Infinity;
      if (signal.aborted || this.#closing) return [];
      throw error;
    });
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, ({ tasks }, owner, receipts) => tasks.ack(owner, receipts));
  }

  async release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const lost = await this.#settle(deliveries, ({ tasks }, owner, receipts) => tasks.release(owner, receipts));
    this.options.wake(this.queue);
    return lost;
  }

  async extend(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    if (!this.#closing) await this.#beat();
    this.#consumer.expectNext();
    return deliveries.filter((delivery) => !this.#holds(delivery));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #beat(): Promise<void> {
    return this.options.session.run(({ consumers }) => this.#consumer.beat(consumers));
  }

  async #close(): Promise<void> {
    this.options.polling.stop();
    this.#out.clear();
    try {
      await this.options.session.run(({ consumers }) => consumers.leave(this.#consumer.id));
    } finally {
      this.options.closed(this);
    }
    this.options.wake(this.queue);
  }

  async #attempt(parts: MongoParts, max: number): Promise<Attempt<Delivery>> {
    const { tasks, consumers } = parts;
    const { lease, clock, wake, pollInterval } = this.options;
    // First of all: only then is it known how long nobody could.
    if (this.#consumer.silence > lease / 3) await this.#consumer.beat(consumers);
    if (await consumers.sweep(lease)) wake();
    if (clock.monotonic() >= Math.min(this.#matureAt, this.#due)) {
      this.#matureAt = clock.monotonic() + pollInterval;
      this.#due = clock.monotonic() + (await tasks.mature(this.queue));
    }
    if (this.#closing) return { taken: [] };
    const owner = this.#consumer.id;
    const { claimed, contended } = await this.#claim(parts, owner, max);
    if (claimed.length > 0 && (this.#closing || owner !== this.#consumer.id)) {
      await tasks.release(owner, claimed);
      return { taken: [], next: 0 };
    }
    const next = contended ? 0 : Math.max(0, this.#due - clock.monotonic());
    return { taken: claimed.map((each) => this.#hold(each)), next };
  }

  /** Not of `owner` any more when another one has taken its place meanwhile. */
  async #claim(parts: MongoParts, owner: string, max: number): Promise<{ claimed: Claimed[]; contended: boolean }> {
    const { lease } = this.options;
    const recovered = await this.#recover(parts, owner, max);
    const claim =
      recovered.length > 0 ? { claimed: recovered, contended: true } : await parts.tasks.claim(this.queue, owner, max);
    // A claim that stood still for a lease may have come when the consumer had been given up; a beat on its way may have, too.
    if (claim.claimed.length > 0 && this.#consumer.silence >= lease) await this.#consumer.beatAgain(parts.consumers);
    return claim;
  }

  /** Now and then, once anything has failed: a call that was given up may still arrive long after. */
  async #recover({ tasks }: MongoParts, owner: string, max: number): Promise<Claimed[]> {
    const { clock, lease } = this.options;
    if (clock.monotonic() < this.#recoverAt) return [];
    const known = [...this.#out].map(({ id }) => id);
    const recovered = await tasks.recover(owner, known, max);
    if (recovered.length === 0) this.#recoverAt = clock.monotonic() + lease / 3;
    return recovered;
  }

  #hold({ body, redelivered, id, claim, marked }: Claimed): Delivery {
    const receipt: Receipt = { id, claim, marked };
    this.#out.add(receipt);
    return { body, receipt, redelivered };
  }

  #holds({ receipt }: Delivery): boolean {
    return this.#out.has(receipt as Receipt);
  }

  /** `change` tells how many it changed. If not all, an earlier call was at work whose answer got lost, or some are not ours any more. */
  async #settle(
    deliveries: readonly Delivery[],
    change: (parts: MongoParts, owner: string, receipts: readonly Receipt[]) => Promise<number>,
  ): Promise<readonly Delivery[]> {
    const ours = deliveries.filter((delivery) => this.#holds(delivery));
    const receipts = ours.map(({ receipt }) => receipt as Receipt);
    const owner = this.#consumer.id;
    const again = receipts.some((receipt) => this.#unheard.has(receipt));
    for (const receipt of receipts) this.#unheard.add(receipt);
    const kept =
      receipts.length === 0 ||
      (await this.options.session.run(async (parts) => {
        const changed = await change(parts, owner, receipts);
        return changed === receipts.length || (again && (await parts.consumers.isAlive(owner)));
      }));
    for (const set of [this.#out, this.#unheard]) for (const receipt of receipts) set.delete(receipt);
    if (!kept) return deliveries;
    return ours.length === deliveries.length ? [] : deliveries.filter((delivery) => !ours.includes(delivery));
  }
}
