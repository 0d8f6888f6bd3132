// A consumer in a thread: takes what it is told to, stands still from one word until the next, and tells how much it
// acknowledged too late. Plain JavaScript on the built library.
import { parentPort, workerData } from 'node:worker_threads';
import { kafka } from 'nestjs-funq/kafka';
import { SystemClock } from '../../dist/core/system-clock.js';

const { options, queue, count, gate } = workerData;
const never = new AbortController().signal;
const broker = kafka(options);
await broker.connect({ clock: new SystemClock() });
const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 60_000 });
const { pulse } = subscription;
const taken = [];
while (taken.length < count) taken.push(...(await subscription.receive(count - taken.length, never)));

parentPort.once('message', async () => {
  parentPort.postMessage('blocked');
  Atomics.wait(gate, 0, 0);
  const late = await subscription.ack(taken);
  await broker.close();
  parentPort.postMessage(late.length);
});
parentPort.postMessage(pulse);
