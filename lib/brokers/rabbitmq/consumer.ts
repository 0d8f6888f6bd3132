import type { Channel, ConsumeMessage } from 'amqplib';
import type { Delivery } from '../../contracts/broker.js';
import { driverError } from '../support/driver-error.js';
import { Inbox } from '../support/inbox.js';
import type { RabbitConnection } from './connection.js';
import { channelError } from './error.js';
import { deliveryOf, messageOf, type Receipt } from './receipt.js';
import { RabbitTags } from './tags.js';

/** So many acknowledgements at once are never kept back by the server. */
const LOOSE = 16;

export interface RabbitConsumerOptions {
  readonly queue: string;
  /** Its name on the server. */
  readonly name: string;
  readonly prefetch: number;
  readonly connection: RabbitConnection;
  /** Gives back what nobody received, so that it does not count. */
  giveBack(consumer: RabbitConsumer, messages: readonly ConsumeMessage[]): Promise<void>;
}

/** One channel that consumes one queue, from its opening to its end; it can't be opened again. */
export class RabbitConsumer {
  readonly #inbox: Inbox<Delivery>;
  /** Handed to this process and not settled, with those in the inbox. */
  readonly #tags = new RabbitTags();
  /** What the server may send without being told more: the sum of the consumers' prefetch counts. */
  #credit = 0;
  #consumers: string[] = [];
  /** Acknowledgements told one by one since the server was last known to be through with them. */
  #loose = 0;
  #changing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  ended = false;

  constructor(
    private readonly channel: Channel,
    private readonly options: RabbitConsumerOptions,
  ) {
    const { queue, connection } = options;
    this.#inbox = new Inbox(connection.clock, () => void this.pause().catch(() => undefined));
    // All that comes on this channel, also what is still on its way when its consumer has been cancelled.
    channel.removeAllListeners('delivery').on('delivery', (message) => this.#arrived(message));
    channel.on('cancel', () =>
      this.#end(driverError('FUNQ_RABBITMQ_CANCELLED', `queue ${queue} was deleted on the server`)),
    );
    channel.on('error', (error: Error) => (this.#failure = channelError(connection.address, queue, error)));
    channel.once('close', () =>
      this.#end(this.#failure ?? channelError(connection.address, queue, new Error('the connection ended'))),
    );
  }

  /** How many are here that nobody received yet. Asks the server first, so that all it sent has arrived. */
  async waiting(): Promise<number> {
    await this.roundTrip();
    return this.#inbox.size;
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    await this.#demand(max);
    const { connection } = this.options;
    const before = connection.traffic;
    const taken = await this.#inbox.receive(max, signal);
    // A quiet queue, or a dead connection? Or a body that takes long to arrive.
    if (taken.length === 0 && !signal.aborted && !connection.busySince(before)) await this.roundTrip();
    const now = connection.clock.monotonic();
    const stale = taken.filter(({ receipt }) => (receipt as Receipt).expires <= now);
    if (stale.length === 0) return taken;
    await this.settle(stale.map(messageOf));
    return taken.filter((delivery) => !stale.includes(delivery));
  }

  holds({ fields }: ConsumeMessage): boolean {
    return !this.ended && this.#tags.has(fields.deliveryTag);
  }

  /** Acknowledges, or with `requeue` gives back to where it was; resolves when the server has done it. */
  async settle(messages: readonly ConsumeMessage[], requeue = false): Promise<void> {
    const frames = this.#tags.settle(messages.map(({ fields }) => fields.deliveryTag));
    for (const { tag, multiple } of frames) {
      const message = { fields: { deliveryTag: tag } } as ConsumeMessage;
      if (requeue) this.channel.nack(message, multiple, true);
      else this.channel.ack(message, multiple);
    }
    this.#loose += frames.length;
    await this.roundTrip();
  }

  /** Until the next `receive` the server sends nothing; what nobody received goes back. */
  pause(): Promise<void> {
    return this.#change(() => this.#pause());
  }

  /** Ends a `receive` that waits for what does not come, as the server was told to {@link pause}; the next one asks anew. */
  wake(): void {
    this.#inbox.wake();
  }

  /** Removes what nobody received yet. Resolves to how many. */
  async drop(): Promise<number> {
    await this.roundTrip();
    const messages = this.#inbox.takeAll().map(messageOf);
    if (messages.length > 0) await this.settle(messages);
    return messages.length;
  }

  /** Gives back what nobody received, then the rest by closing the channel. */
  async close(): Promise<void> {
    if (this.ended) return;
    try {
      await this.pause();
      if (this.#loose > LOOSE) await this.#change(() => this.#flush());
      await this.options.connection.answer(this.channel.close());
    } finally {
      this.#end(driverError('FUNQ_RABBITMQ_CLOSED', `the subscription to ${this.options.queue} is closed`));
    }
  }

  /** The server works off what it is sent in order: once it answers this, it has done all that came before. */
  async roundTrip(): Promise<void> {
    await this.#answer(this.channel.prefetch(1));
  }

  #answer<T>(asking: Promise<T>): Promise<T> {
    const { connection, queue } = this.options;
    return connection.answer(asking).catch((error: Error) => {
      throw this.#failure ?? channelError(connection.address, queue, error);
    });
  }

  /** As `#answer`, of what the server is to send: without one nobody knows what it does, so the consumer ends. */
  #told<T>(asking: Promise<T>): Promise<T> {
    return this.#answer(asking).catch((error: Error) => {
      this.#end(error);
      throw error;
    });
  }

  /** Lets the server send enough for `receive(max)`: no more, as others may be free for it. */
  async #demand(max: number): Promise<void> {
    await this.#changing;
    const short = max - this.#inbox.size - (this.#credit - this.#tags.used);
    const room = this.options.prefetch - this.#credit - (this.#tags.size - this.#tags.used);
    const more = Math.min(room, Math.max(short, this.#credit));
    if (short > 0 && more > 0 && !this.ended) await this.#change(() => this.#consume(more));
  }

  async #consume(more: number): Promise<void> {
    this.#credit += more;
    // Asked for in one turn, so that no other `prefetch` gets in between.
    const asking = [this.channel.prefetch(more), this.channel.consume(this.options.name, () => undefined)] as const;
    const [, { consumerTag }] = await this.#told(Promise.all(asking));
    this.#consumers.push(consumerTag);
  }

  async #pause(): Promise<void> {
    const tags = this.#consumers;
    this.#consumers = [];
    await this.#told(Promise.all(tags.map((tag) => this.channel.cancel(tag))));
    // A quorum queue's last messages may overtake the answer to that, but not this one.
    await this.#told(this.roundTrip());
    this.#credit = 0;
    this.#tags.detach();
    const unreceived = this.#inbox.takeAll();
    await this.options.giveBack(this, unreceived.map(messageOf)).catch((error: unknown) => {
      // Else nobody would ever get them, for the server believes that they are here.
      this.#inbox.restore(unreceived.filter((delivery) => this.holds(messageOf(delivery))));
      throw error;
    });
  }

  /**
   * A channel keeps back what it has to tell a quorum queue while more than 32 commands are under way, and forgets that when it
   * closes. A new consumer stands behind all of them.
   */
  async #flush(): Promise<void> {
    this.#loose = 0;
    await this.#consume(1);
    await this.#pause();
  }

  #change(work: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(work);
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  #arrived(message: ConsumeMessage): void {
    this.#tags.add(message.fields.deliveryTag);
    this.#inbox.push(deliveryOf(this, message, this.options.connection.clock));
  }

  #end(error: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.#inbox.fail(error);
    void this.channel.close().catch(() => undefined);
  }
}
