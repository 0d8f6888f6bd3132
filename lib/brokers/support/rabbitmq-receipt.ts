import type { ConsumeMessage } from 'amqplib';
import type { RabbitConsumer } from './rabbitmq-consumer.js';

export interface Receipt {
  readonly consumer: RabbitConsumer;
  readonly message: ConsumeMessage;
  /** When its time to live is over at the latest, on the monotonic clock. */
  readonly expires: number;
  /** Whether the server was told that it is done. */
  acknowledged?: boolean;
}

/** Header that says how often a message was handed out before it was put at the end of its queue again. */
export const REDELIVERED = 'funq-redelivered';

/** How often it was handed out before: quorum queues count, classic ones only mark. */
export function countOf({ fields, properties: { headers } }: ConsumeMessage): number {
  const counted: unknown = headers?.['x-delivery-count'];
  const before: unknown = headers?.[REDELIVERED];
  const now = typeof counted === 'number' ? counted : Number(fields.redelivered);
  return now + (typeof before === 'number' ? before : 0);
}
