import { randomUUID } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import type { Delivery, Subscription, SubscribeOptions } from '../../contracts/broker.js';
import { driverError } from '../support/driver-error.js';
import type { RabbitConnection } from './connection.js';
import { RabbitConsumer } from './consumer.js';
import { channelError } from './error.js';
import type { Sending } from './outlet.js';
import type { RabbitPublisher } from './publisher.js';
import { REDELIVERED, countOf, type Receipt } from './receipt.js';
import type { RabbitTopology } from './topology.js';

export interface RabbitSubscriptionParts {
  readonly connection: RabbitConnection;
  readonly publisher: RabbitPublisher;
  readonly topology: RabbitTopology;
  closed(subscription: RabbitSubscription): void;
}

/** A hold on one queue: a consumer, and another one when that has ended. */
export class RabbitSubscription implements Subscription {
  #consumer: RabbitConsumer | undefined;
  #opening: Promise<RabbitConsumer> | undefined;
  #closing: Promise<void> | undefined;
  #releasing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly queue: string,
    private readonly options: SubscribeOptions,
    private readonly parts: RabbitSubscriptionParts,
  ) {}

  /** Declares the queue when that is needed. What was handed out by a consumer that ended is not ours any more. */
  async open(): Promise<RabbitConsumer> {
    if (this.#closing) throw driverError('FUNQ_RABBITMQ_CLOSED', `the subscription to ${this.queue} is closed`);
    if (this.#consumer && !this.#consumer.ended) return this.#consumer;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    const consumer = await this.open();
    return signal.aborted ? [] : consumer.receive(max, signal);
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const held = deliveries.map(receiptOf).filter(isHeld);
    return this.#settle(deliveries, (consumer, messages) => {
      for (const receipt of held) receipt.acknowledged = true;
      return consumer.settle(messages);
    });
  }

  release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, (consumer, messages) => {
      // One after the other: what is released again, because that took too long, must not be copied twice.
      const released = this.#releasing.then(async () => {
        // Else the server would send them here again.
        await consumer.pause();
        const held = messages.filter((message) => consumer.holds(message));
        await this.#giveBack(consumer, held);
        consumer.wake();
      });
      this.#releasing = released.catch(() => undefined);
      return released;
    });
  }

  /** How many have been sent here and not been received. */
  async waiting(): Promise<number> {
    return this.#consumer && !this.#consumer.ended ? this.#consumer.waiting() : 0;
  }

  async drop(): Promise<number> {
    return this.#consumer && !this.#consumer.ended ? this.#consumer.drop() : 0;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    try {
      await this.#opening?.catch(() => undefined);
      // The server would hand out again what has been copied already.
      await this.#releasing;
      await this.#consumer?.close();
    } finally {
      this.parts.closed(this);
    }
  }

  async #open(): Promise<RabbitConsumer> {
    const { connection, topology } = this.parts;
    const { queue } = this;
    const { pattern = queue } = this.options;
    const model = await connection.use();
    const channel = await connection.answer(model.createChannel()).catch((error: Error) => {
      throw channelError(connection.address, queue, error);
    });
    let reason: Error | undefined;
    channel.on('error', (error) => (reason = error));
    const name = await connection.answer(topology.declareQueue(channel, queue, pattern)).catch((error: Error) => {
      if (!reason) channel.close().catch(() => undefined);
      throw channelError(connection.address, queue, reason ?? error);
    });
    connection.checkAlive(model);
    const giveBack = this.#giveBack.bind(this);
    this.#consumer = new RabbitConsumer(channel, { ...this.options, queue, name, connection, giveBack });
    return this.#consumer;
  }

  async #settle(
    deliveries: readonly Delivery[],
    how: (consumer: RabbitConsumer, messages: ConsumeMessage[]) => Promise<void>,
  ): Promise<readonly Delivery[]> {
    const consumer = this.#consumer;
    const receipts = deliveries.map(receiptOf);
    const messages = receipts.filter(isHeld).map(({ message }) => message);
    // Acknowledged again because the answer took too long: the next answer stands for both.
    const told = receipts.some(isTold);
    const lost = deliveries.filter((delivery) => !isHeld(receiptOf(delivery)) && !isTold(receiptOf(delivery)));
    if (!consumer || (messages.length === 0 && !told)) return lost;
    try {
      await how(consumer, messages);
      return lost;
    } catch (error) {
      // Whether the server heard of it nobody knows; with the consumer the deliveries have ended, too.
      if (consumer.ended) return deliveries;
      throw error;
    }
  }

  /**
   * A quorum queue counts whatever comes back to it, so a copy is stored at its end, and then the original is done. One with a
   * time to live would live anew as a copy: it is given back and counted.
   */
  async #giveBack(consumer: RabbitConsumer, messages: readonly ConsumeMessage[]): Promise<void> {
    const { topology, publisher } = this.parts;
    const copied = topology.quorum ? messages.filter(({ properties }) => properties.expiration === undefined) : [];
    const name = topology.nameOf(this.queue);
    const sendings = copied.map((message) => copyOf(message, name));
    const outlet = copied.length > 0 ? await publisher.open() : undefined;
    const failed = new Set((await outlet?.send(this.queue, sendings))?.map(({ index }) => copied[index]));
    const done = new Set(copied.filter((message) => !failed.has(message)));
    const back = messages.filter((message) => !done.has(message) && consumer.holds(message));
    if (done.size > 0) await consumer.settle([...done].filter((message) => consumer.holds(message)));
    if (back.length > 0) await consumer.settle(back, true);
  }
}

const receiptOf = ({ receipt }: Delivery): Receipt => receipt as Receipt;
const isHeld = ({ consumer, message }: Receipt): boolean => consumer.holds(message);
const isTold = ({ consumer, acknowledged }: Receipt): boolean => acknowledged === true && !consumer.ended;

function copyOf(message: ConsumeMessage, key: string): Sending {
  const {
    headers = {},
    messageId,
    contentType,
    contentEncoding,
    priority,
    correlationId,
    replyTo,
    timestamp,
    type,
    appId,
  } = message.properties;
  const kept = Object.entries(headers).filter(
    // With CC it would go to the other queues, too, which had theirs already.
    ([name]) => !/^(?:x-(?:death|first-death|last-death|delivery-count)|B?CC$)/.test(name),
  );
  const properties = {
    messageId: (messageId as string | undefined) ?? randomUUID(),
    persistent: true,
    mandatory: true as const,
    contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId,
    headers: { ...Object.fromEntries(kept), [REDELIVERED]: countOf(message) },
  }; // prettier-ignore
  return { exchange: '', key, body: message.content, properties };
}
