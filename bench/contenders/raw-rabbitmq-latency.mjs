import { latency } from '../support/latency.mjs';
import { openRaw, send } from '../support/raw-rabbitmq.mjs';

/** amqplib alone: from the call of `publish` to the callback, each message acknowledged by itself. */
export function measure({ type, ...pace }) {
  return latency(pace, async (started) => {
    const { publisher, consumer, queue, close } = await openRaw(type);
    await consumer.prefetch(100);
    await consumer.consume(queue, (message) => {
      started(Number(message.content.toString()));
      consumer.ack(message);
    });
    return { send: (at) => send(publisher, queue, Buffer.from(String(at))), close };
  });
}
