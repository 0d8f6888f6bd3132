import type { ConsumeMessage } from 'amqplib';
import type { Delivery } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { RabbitConsumer } from './consumer.js';

export interface Receipt {
  readonly consumer: RabbitConsumer;
  readonly message: ConsumeMessage;
  /** When its time to live is over at the latest, on the monotonic clock. */
  readonly expires: number;
  /** Whether the server was told that it is done. */
  acknowledged?: boolean;
}

/** A message that came just now. */
export function deliveryOf(consumer: RabbitConsumer, message: ConsumeMessage, clock: Clock): Delivery {
  const { expiration } = message.properties as { expiration?: string };
  const expires = expiration === undefined ? Infinity : clock.monotonic() + Number(expiration);
  const receipt: Receipt = { consumer, message, expires };
  return { body: message.content, receipt, redelivered: countOf(message) };
}

export const messageOf = ({ receipt }: Delivery): ConsumeMessage => (receipt as Receipt).message;

/** Header that says how often a message was handed out before it was put at the end of its queue again. */
export const REDELIVERED = 'funq-redelivered';

/** How often it was handed out before: quorum queues count, classic ones only mark. */
export function countOf({ fields, properties: { headers } }: ConsumeMessage): number {
  const counted: unknown = headers?.['x-delivery-count'];
  const before: unknown = headers?.[REDELIVERED];
  // A header of a message that comes for the first time is what its sender wrote.
  const now = fields.redelivered && typeof counted === 'number' ? counted : Number(fields.redelivered);
  return now + (typeof before === 'number' ? before : 0);
}
