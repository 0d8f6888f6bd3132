import type { Channel } from 'amqplib';

/** Where a delay ends; each queue is bound to it under its own name. */
export const DUE_EXCHANGE = {
  name: 'funq.due',
  type: 'direct',
  options: { durable: true, alternateExchange: 'funq.undelivered' },
} as const;

/** What comes due for a queue that was deleted meanwhile stays in the queue of this name. */
export const UNDELIVERED = 'funq.undelivered';

/** How a message is sent that is to wait. Its routing key is the queue's name on the server. */
export interface DelayWay {
  readonly exchange: string;
  readonly headers: Readonly<Record<string, boolean | number>>;
  /** Whether the server returns the message when no queue takes it. */
  readonly mandatory: boolean;
}

/** The way of each delay. */
export type WayOf = (delay: number) => DelayWay;

/** Something on the server in which messages wait, and from which they go to {@link DUE_EXCHANGE}. */
export interface RabbitDelays {
  /** Declares what is missing for delays of up to `longest` milliseconds. Resolves to the way of each such delay. */
  prepare(longest: number): Promise<WayOf>;

  /** The server may have lost what was declared. */
  forget(): void;
}

export async function declareDue(channel: Channel): Promise<void> {
  await channel.assertExchange(DUE_EXCHANGE.name, DUE_EXCHANGE.type, DUE_EXCHANGE.options);
}

export async function declareEnd(channel: Channel): Promise<void> {
  await channel.assertExchange(UNDELIVERED, 'fanout', { durable: true });
  await channel.assertQueue(UNDELIVERED, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(UNDELIVERED, UNDELIVERED, '');
  await declareDue(channel);
}
