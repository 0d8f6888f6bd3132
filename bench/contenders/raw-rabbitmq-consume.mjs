import { openRaw, send } from '../support/raw-rabbitmq.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { inFlight, stopwatch } from '../support/timing.mjs';

/** amqplib alone: prefetch 1,000, every hundredth message acknowledges those before it. */
export async function measure({ tasks, type, prefetch = 1000, every = 100 }) {
  const { publisher, consumer, queue, close } = await openRaw(type);
  await inFlight(tasks, 1000, (index) => send(publisher, queue, body(index)));
  globalThis.gc?.();
  await consumer.prefetch(prefetch);
  const figures = await new Promise((resolve, reject) => {
    let stop;
    let count = 0;
    const take = (message) => {
      stop ??= stopwatch(tasks);
      if (++count % every === 0 || count === tasks) consumer.ack(message, true);
      if (count === tasks) resolve(stop());
    };
    consumer.consume(queue, take).catch(reject);
  });
  await close();
  return figures;
}
