import { randomUUID } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { startService } from '../support/bench-service.mjs';
import { temporaryFile } from '../support/brokers.mjs';
import { inFlight, stopwatch } from '../support/timing.mjs';
import { openTransport } from '../support/transports.mjs';

/** Events that wait in a queue when the service starts. */
export async function measure({ transport, events }) {
  const own = openTransport(transport, { place: `bench-${randomUUID()}`, file: temporaryFile(), queues: new Map() });
  const client = own.client();
  await client.connect();
  const warmUp = Math.floor(events / 10);
  await inFlight(events + warmUp, 1000, (index) =>
    lastValueFrom(client.emit('bench.happened', index), { defaultValue: 0 }),
  );
  let stop;
  let count = 0;
  const figures = new Promise((resolve) => {
    const took = () => {
      if (++count === warmUp) stop = stopwatch(events);
      if (count === warmUp + events) resolve(stop());
    };
    void startService(own.server(), took);
  });
  return figures;
}
