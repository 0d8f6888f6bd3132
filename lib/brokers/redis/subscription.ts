import type { Delivery, Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Attempt, Polling } from '../support/polling.js';
import { RedisConsumer, type Tenure } from './consumer.js';
import { redisError } from './error.js';
import type { Claimed } from './messages.js';
import type { Look, RedisQueues, Settling } from './queues.js';
import type { RedisSession } from './session.js';
import type { RedisWakes, Sleeper } from './wakes.js';

interface Receipt {
  readonly tenure: Tenure;
  readonly claimed: Claimed;
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
  readonly #consumer: RedisConsumer;
  /** The server may hand over a message. */
  #waits = false;
  /** How often it was told of something. */
  #times = 0;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly queue: string,
    private readonly lease: number,
    private readonly parts: RedisSubscriptionParts,
  ) {
    this.key = parts.queues.keyOf(queue);
    this.#consumer = new RedisConsumer(this.key, lease, parts.queues, parts.source);
  }

  async start(): Promise<void> {
    await this.#consumer.join();
    this.parts.wakes.add(this);
  }

  get pulse(): Pulse | undefined {
    return this.#consumer.pulse;
  }

  told(consumer: string, claimed: Claimed | undefined): void {
    // What it has by an older name waits again, or will when the doubt is settled.
    if (!this.#consumer.is(consumer)) return;
    this.#waits = false;
    this.#times++;
    if (claimed) this.#consumer.keep([claimed]);
    this.parts.polling.wake();
  }

  cut(): void {
    if (this.#waits) this.#consumer.inDoubt = true;
    this.#waits = false;
    this.parts.polling.wake();
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw redisError('FUNQ_REDIS_CLOSED', `The subscription to ${this.queue} is closed`);
    let taken: Delivery[] = [];
    try {
      taken = await this.parts.polling.receive((last) => this.#attempt(max, !last), signal);
      // From here on nobody asks for what would be handed over.
      if (this.#waits) await this.#attempt(0, false);
      return taken;
    } catch (error) {
      if (taken.length > 0 || signal.aborted || this.#closing) return taken;
      throw error;
    }
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle('funqAck', deliveries);
  }

  release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle('funqRelease', deliveries);
  }

  async extend(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const tenure = await this.#consumer.named();
    if (this.#closing) return deliveries;
    const { name } = tenure;
    const alive = await this.parts.queues.beat(this.key, name, this.lease);
    if (!alive && tenure.name === name) await this.#consumer.join(tenure);
    // It may be long until somebody asks for more: what it does not know of is for others till then.
    await this.#consumer.agreed();
    return deliveries.filter((delivery) => this.#closing || receiptOf(delivery).tenure !== this.#consumer.tenure);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { polling, wakes, closed } = this.parts;
    polling.stop();
    wakes.delete(this);
    try {
      await this.#consumer.leave();
    } finally {
      closed(this);
    }
  }

  /** Up to `max` of what is there or was handed over. Where it `waits` and that is nothing, the next message may be handed over. */
  async #attempt(max: number, waits: boolean): Promise<Attempt<Delivery>> {
    const consumer = this.#consumer;
    const tenure = await consumer.agreed();
    if (this.#closing) return { taken: [] };
    if (max > 0 && consumer.inbox.length > 0) return { taken: this.#received(max, tenure) };
    const [waited, times] = [this.#waits, this.#times];
    this.#waits ||= waits;
    const look = await (consumer.looking = this.#look(tenure, max, waits));
    if (!look || consumer.tenure !== tenure) {
      await consumer.join(tenure);
      return { taken: [], next: 0 };
    }
    // What it was told meanwhile may have been said before it asked, and then it still waits.
    const before = 'wait' in look && waited && !look.waited ? 1 : 0;
    this.#waits = waits && 'wait' in look && this.#times - times <= before;
    if ('claimed' in look) consumer.keep(look.claimed);
    const taken = this.#received(max, tenure);
    // What was handed over meanwhile may be more than was asked for.
    if (consumer.inbox.length > 0) await this.release(this.#received(Infinity, tenure)).catch(() => undefined);
    return 'wait' in look ? { taken, next: consumer.inDoubt ? 0 : look.wait } : { taken };
  }

  async #look({ name }: Tenure, max: number, waits: boolean): Promise<Look | undefined> {
    const { session, wakes, queues } = this.parts;
    try {
      const brought = await session.use(async (link) => {
        await wakes.listen(link, this.key);
        const compare = this.#consumer.expecting();
        const look = await queues.claim(link, { key: this.key, consumer: name, lease: this.lease, max, waits });
        if (look) compare(look.held);
        return look;
      });
      return brought && (await queues.complete(brought, this.key, name));
    } catch (error) {
      this.#consumer.inDoubt = true;
      throw error;
    }
  }

  #received(max: number, tenure: Tenure): Delivery[] {
    return this.#consumer.inbox.splice(0, max).map((claimed) => {
      const receipt: Receipt = { tenure, claimed };
      return { body: claimed.body, receipt, redelivered: claimed.redelivered };
    });
  }

  async #settle(verb: Settling, deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const consumer = this.#consumer;
    const tenure = await (verb === 'funqRelease' ? consumer.agreed() : consumer.named());
    const [held, lost]: [Claimed[], Delivery[]] = [[], []];
    for (const delivery of deliveries) {
      const { tenure: of, claimed } = receiptOf(delivery);
      if (of !== tenure) lost.push(delivery);
      else if (consumer.holds(claimed)) held.push(claimed);
    }
    if (held.length === 0) return lost;
    const { name } = tenure;
    const settling = consumer.settle(verb, held);
    if (verb === 'funqRelease') settling.catch(() => this.#forsake(held));
    if (!(await settling)) {
      const now = await consumer.named();
      return now === tenure && tenure.name !== name ? this.#settle(verb, deliveries) : deliveries;
    }
    consumer.forget(held);
    return lost;
  }

  /** Whether it was given back is not known: it is if it is not known of, and may come again before this is told once more. */
  #forsake(messages: readonly Claimed[]): void {
    this.#consumer.forget(messages);
    this.#consumer.inDoubt = true;
    this.parts.polling.wake();
  }
}

const receiptOf = (delivery: Delivery): Receipt => delivery.receipt as Receipt;
