import { openRaw, send } from '../support/raw-rabbitmq.mjs';
import { percentile } from '../support/timing.mjs';
import { paced } from './funq-latency.mjs';

const now = () => performance.timeOrigin + performance.now();

/** amqplib alone: from the call of `publish` to the callback, each message acknowledged by itself. */
export async function measure({ type, perSecond, tasks }) {
  const { publisher, consumer, queue, close } = await openRaw(type);
  const waits = [];
  await consumer.prefetch(100);
  const ended = new Promise((resolve) => {
    void consumer.consume(queue, (message) => {
      waits.push(now() - Number(message.content.toString()));
      consumer.ack(message);
      if (waits.length === tasks) resolve();
    });
  });
  await paced(tasks, perSecond, () => send(publisher, queue, Buffer.from(String(now()))));
  await ended;
  await close();
  const counted = waits.slice(tasks / 10);
  return { half: percentile(counted, 0.5), most: percentile(counted, 0.99) };
}
