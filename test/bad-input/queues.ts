import { randomUUID } from 'node:crypto';
import type { Broker } from 'nestjs-funq';

/** Puts bodies into a queue as a foreign producer would, past everything that checks them. */
export async function putRaw(broker: Broker, queue: string, bodies: readonly (Uint8Array | string)[]): Promise<void> {
  const messages = bodies.map((body) => ({
    id: randomUUID(),
    body: typeof body === 'string' ? Buffer.from(body) : body,
  }));
  await broker.publish(queue, messages);
}

/** Takes out everything that waits in a queue. */
export async function bodies(broker: Broker, queue: string): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  const subscription = await broker.subscribe(queue, { prefetch: 1000, lease: 10_000 });
  for (;;) {
    const deliveries = await subscription.receive(1000, AbortSignal.abort());
    if (deliveries.length === 0) break;
    found.push(...deliveries.map(({ body }) => body));
    await subscription.ack(deliveries);
  }
  await subscription.close();
  return found;
}
