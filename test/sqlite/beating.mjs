// A thread that opens, uses and closes a pulse's connection again and again, and tells how often it beat.
import { parentPort, workerData } from 'node:worker_threads';

const { module, data, id, clock, connections, beats } = workerData;
const { openPulse } = await import(module);
const { SystemClock } = await import(clock);
for (let opened = 0; opened < connections; opened++) {
  const connection = await openPulse(data, { clock: new SystemClock() });
  for (let beat = 0; beat < beats; beat++) await connection.beat([id, 1]);
  await connection.close();
}
parentPort.postMessage(connections * beats);
