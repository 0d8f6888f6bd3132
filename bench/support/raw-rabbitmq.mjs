import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';

export const url = () => process.env.AMQP_URL ?? 'amqp://localhost';

/** What a queue is declared with, by type. */
export const queueOptions = (type) => ({
  durable: true,
  arguments: { 'x-expires': 600_000, ...(type === 'quorum' && { 'x-queue-type': 'quorum' }) },
});

/** A new queue, and a channel of each kind on connections of their own. */
export async function openRaw(type) {
  const [publishing, consuming] = [await open(), await open()];
  const queue = `bench-${randomUUID()}`;
  const publisher = await publishing.createConfirmChannel();
  const consumer = await consuming.createChannel();
  await publisher.assertQueue(queue, queueOptions(type));
  const close = async () => {
    // Else the consumer is told that its queue is gone.
    await consuming.close();
    await publisher.deleteQueue(queue);
    await publishing.close();
  };
  return { queue, publisher, consumer, close };
}

/** Resolves when the server has confirmed the message. */
export const send = (channel, queue, body) =>
  new Promise((resolve, reject) => {
    channel.publish('', queue, body, { persistent: true }, (error) => (error ? reject(error) : resolve()));
  });

const open = () => connect(url(), { noDelay: true });
