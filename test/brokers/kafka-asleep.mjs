// A process that moves delays, in a thread: stands still when it is told to. Plain JavaScript on the built library.
import { parentPort, workerData } from 'node:worker_threads';
import { kafka } from 'nestjs-funq/kafka';
import { SystemClock } from '../../dist/core/system-clock.js';

const { options, gate } = workerData;
const broker = kafka(options);
await broker.connect({ clock: new SystemClock() });
await broker.subscribe('elsewhere', { prefetch: 100, lease: 3000 });

parentPort.once('message', async () => {
  parentPort.postMessage('asleep');
  Atomics.wait(gate, 0, 0);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await broker.close();
  parentPort.postMessage('awake');
});
parentPort.postMessage('ready');
