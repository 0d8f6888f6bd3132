import { randomUUID } from 'node:crypto';
import type { Delivery, Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Attempt, Polling } from './polling.js';
import { redisError } from './redis-error.js';
import type { Claimed } from './redis-messages.js';
import type { RedisQueues } from './redis-queues.js';
import type { RedisLink, RedisSession } from './redis-session.js';
import type { RedisWakes, Sleeper } from './redis-wakes.js';

/** A consumer as long as the server has not given it up: whoever still holds another one's receipts has lost what they are for. */
interface Tenure {
  /** The consumer's name there, which changes when the two have to agree anew on what it holds. */
  consumer: string;
}

interface Receipt {
  readonly tenure: Tenure;
  readonly member: string;
}

/** How a consumer is kept alive from another thread. */
export interface PulseId {
  readonly key: string;
  readonly consumer: string;
  readonly lease: number;
}

export interface RedisSubscriptionParts {
  readonly session: RedisSession;
  readonly queues: RedisQueues;
  readonly wakes: RedisWakes;
  readonly polling: Polling;
  /** Where another thread can beat; undefined where it can't connect. */
  readonly source: PulseSource | undefined;
  closed(subscription: RedisSubscription): void;
}

export class RedisSubscription implements Subscription, Sleeper {
  readonly key: string;
  #tenure: Tenure | undefined;
  #pulse: Pulse | undefined;
  /** What was handed to the core and not settled. */
  readonly #out = new Set<string>();
  /** An answer got lost, so the server may have handed out more. */
  #inDoubt = false;
  /** The consumer is getting another name; until then nothing is done in its old one. */
  #changing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly queue: string,
    private readonly lease: number,
    private readonly parts: RedisSubscriptionParts,
  ) {
    this.key = parts.queues.keyOf(queue);
  }

  async start(): Promise<void> {
    await this.#join();
    this.parts.wakes.add(this);
  }

  get pulse(): Pulse | undefined {
    return this.#pulse;
  }

  wake(): void {
    this.parts.polling.wake();
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw redisError('FUNQ_REDIS_CLOSED', `The subscription to ${this.queue} is closed`);
    try {
      return await this.parts.polling.receive(() => this.#attempt(max), signal);
    } catch (error) {
      if (signal.aborted || this.#closing) return [];
      throw error;
    }
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle('funqAck', deliveries);
  }

  async release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const lost = await this.#settle('funqRelease', deliveries);
    this.parts.wakes.wake(this.key);
    return lost;
  }

  async extend(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    await this.#changed();
    const tenure = this.#tenure;
    if (this.#closing || !tenure) return deliveries;
    const { consumer } = tenure;
    const alive = await this.parts.queues.beat(this.key, consumer, this.lease);
    if (!alive && this.#tenure === tenure && tenure.consumer === consumer) await this.#change(() => this.#join());
    return deliveries.filter((delivery) => this.#closing || receiptOf(delivery).tenure !== this.#tenure);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { polling, wakes, queues, closed } = this.parts;
    polling.stop();
    wakes.delete(this);
    await this.#changed();
    try {
      if (this.#tenure) await queues.leave(this.key, this.#tenure.consumer);
    } finally {
      closed(this);
    }
    wakes.wake(this.key);
  }

  async #attempt(max: number): Promise<Attempt<Delivery>> {
    await this.#changed();
    if (this.#inDoubt) await this.#change(() => this.#settleDoubt());
    const tenure = this.#tenure!;
    const look = await this.parts.session.use((link) => this.#look(link, tenure, max));
    if (!look) {
      if (this.#tenure === tenure) await this.#change(() => this.#join());
      return { taken: [], next: 0 };
    }
    return 'wait' in look ? { taken: [], next: look.wait } : { taken: this.#handOut(look.claimed, tenure) };
  }

  async #look(link: RedisLink, tenure: Tenure, max: number) {
    const { wakes, queues } = this.parts;
    await wakes.listen(link, this.key);
    this.#inDoubt = true;
    const look = await queues.claim(link, this.key, tenure.consumer, this.lease, max);
    this.#inDoubt = false;
    return look;
  }

  #handOut(claimed: readonly Claimed[], tenure: Tenure): Delivery[] {
    return claimed.map(({ member, body, redelivered }) => {
      this.#out.add(member);
      return { body, receipt: { tenure, member } satisfies Receipt, redelivered };
    });
  }

  #change(work: () => Promise<void>): Promise<void> {
    return (this.#changing ??= work().finally(() => (this.#changing = undefined)));
  }

  /** Whoever began the change tells if it failed. Another one may begin while this one is waited for. */
  async #changed(): Promise<void> {
    do await this.#changing?.catch(() => undefined);
    while (this.#changing);
  }

  /** A new consumer, in place of one that was given up for dead: the old receipts are worth nothing from then on. */
  async #join(): Promise<void> {
    const consumer = randomUUID();
    await this.parts.queues.join(this.key, consumer, this.lease);
    this.#out.clear();
    this.#tenure = { consumer };
    this.#inDoubt = false;
    this.#beatAs(consumer);
  }

  /** The same consumer by another name, which holds what it knows of and nothing else. */
  async #settleDoubt(): Promise<void> {
    const tenure = this.#tenure!;
    const consumer = randomUUID();
    const { session, queues } = this.parts;
    const names = [tenure.consumer, consumer] as const;
    const moved = await session.use((link) => queues.move(link, this.key, names, this.lease, this.#out));
    if (!moved) return this.#join();
    tenure.consumer = consumer;
    this.#inDoubt = false;
    this.#beatAs(consumer);
  }

  #beatAs(consumer: string): void {
    const { source } = this.parts;
    this.#pulse = source && { source, id: { key: this.key, consumer, lease: this.lease } satisfies PulseId };
  }

  async #settle(verb: 'funqAck' | 'funqRelease', deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    await this.#changed();
    const tenure = this.#tenure;
    const held = deliveries.filter((delivery) => receiptOf(delivery).tenure === tenure);
    if (!tenure || held.length === 0) return deliveries;
    const members = held.map((delivery) => receiptOf(delivery).member);
    const { consumer } = tenure;
    if (!(await this.parts.queues.settle(verb, this.key, consumer, members))) {
      await this.#changed();
      return this.#tenure === tenure && tenure.consumer !== consumer ? this.#settle(verb, deliveries) : deliveries;
    }
    for (const member of members) this.#out.delete(member);
    return held.length === deliveries.length ? [] : deliveries.filter((delivery) => !held.includes(delivery));
  }
}

const receiptOf = (delivery: Delivery): Receipt => delivery.receipt as Receipt;
