import { randomUUID } from 'node:crypto';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import { startService } from '../support/bench-service.mjs';
import { temporaryFile } from '../support/brokers.mjs';
import { inFlight, percentile, timed, warmed } from '../support/timing.mjs';
import { openTransport } from '../support/transports.mjs';

const CHILD = fileURLToPath(new URL('../support/service-child.mjs', import.meta.url));

/** `send()` and its answer: `width` callers wait at once. */
export async function measure({ transport, calls, width }) {
  const place = { place: `bench-${randomUUID()}`, file: temporaryFile() };
  const own = openTransport(transport, { ...place, queues: new Map() });
  // What is in memory is in this process alone.
  if (transport === 'funq-memory') await startService(own.server());
  else await once(fork(CHILD, [JSON.stringify({ transport, place })]), 'message');
  const client = own.client();
  await client.connect();
  const took = [];
  const send = async (index) => {
    const since = performance.now();
    await lastValueFrom(client.send('bench.answer', index));
    took.push(performance.now() - since);
  };
  const figures = await warmed(
    () => inFlight(calls / 4, width, send),
    () => {
      took.length = 0;
      return timed(calls, () => inFlight(calls, width, send));
    },
  );
  return { ...figures, half: percentile(took, 0.5), most: percentile(took, 0.99) };
}
