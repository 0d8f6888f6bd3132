import { FUNQ_CODEC, getBrokerToken, type Broker, type Codec, type Envelope } from 'nestjs-funq';
import type { Booted } from './app.js';

/** What lies in a queue that nobody consumes here. */
export async function envelopes({ app }: Booted, queue: string): Promise<Envelope[]> {
  const broker = app.get<Broker>(getBrokerToken());
  const codec = app.get<Codec>(FUNQ_CODEC);
  const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 1000 });
  const deliveries = await subscription.receive(100, new AbortController().signal);
  await subscription.close();
  return deliveries.map(({ body }) => codec.decode(body));
}
