import { ProtocolError } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import type { Delivery, Subscription } from 'nestjs-funq';
import { KafkaDelays } from '../../lib/brokers/kafka/delays.js';
import { KafkaMover } from '../../lib/brokers/kafka/mover.js';
import type { KafkaPublishing, Sent } from '../../lib/brokers/kafka/publishing.js';
import type { KafkaClients } from '../../lib/brokers/kafka/session.js';
import type { KafkaTopics } from '../../lib/brokers/kafka/topics.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

it('What is delivered is not delivered again where something else can not be moved on', async () => {
  const clock = new ManualClock();
  const clients = { clock } as unknown as KafkaClients;
  let stored: readonly Sent[] = [];
  const delivered: string[] = [];
  /** The topic of delays refuses everything once `full`. */
  let full = false;
  const publishing = {
    async send(_: KafkaClients, topic: string, messages: readonly Sent[]) {
      if (topic !== 'funq_delays') delivered.push(...messages.map(({ body }) => Buffer.from(body).toString()));
      else if (full) throw new ProtocolError('NOT_ENOUGH_REPLICAS');
      else stored = messages;
      return [];
    },
  } as unknown as KafkaPublishing;
  const topics = { delays: 'funq_delays', ensure: async () => 11, forget: () => undefined } as unknown as KafkaTopics;
  const delays = new KafkaDelays(topics, publishing, 2 ** 20);
  const waiting = [4000, 9000].map((ms) => ({ to: 'jobs', body: Buffer.from(`m${ms}`), due: clock.now() + ms }));
  await delays.hold(clients, waiting);
  full = true;
  const window = { lost: false, leaving: false };
  let left: Delivery[] = stored.map(({ body }) => ({ body, receipt: { window }, redelivered: 0 }));
  const subscription = {
    lasting: true,
    async receive(_: number, signal: AbortSignal) {
      const taken = left;
      left = [];
      if (taken.length === 0) await clock.sleep(5000, signal);
      return taken;
    },
    ack: async () => [],
    release: async () => [],
    close: async () => undefined,
  } as unknown as Subscription;
  const mover = new KafkaMover({
    topics,
    delays,
    publishing,
    clients: async () => clients,
    subscribe: async () => subscription,
    failed: (error) => error as Error,
  });
  mover.start(clock);
  await clock.advance(4300);
  await clock.advance(10_000);
  expect(delivered.filter((text) => text === 'm4000')).toEqual(['m4000']);
  expect(delivered.filter((text) => text === 'm9000')).toEqual(['m9000']);
  const closing = mover.close();
  await clock.advance(5000);
  await closing;
});
