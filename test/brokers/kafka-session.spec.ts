import { randomUUID } from 'node:crypto';
import { ProtocolError } from '@platformatic/kafka';
import { expect, it, onTestFinished } from 'vitest';
import { readOptions } from '../../lib/brokers/kafka/options.js';
import { KafkaPublishing } from '../../lib/brokers/kafka/publishing.js';
import { KafkaSession } from '../../lib/brokers/kafka/session.js';
import { KafkaTopics } from '../../lib/brokers/kafka/topics.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

withService('kafka', (brokers) => {
  it.each(['NOT_ENOUGH_REPLICAS', 'NOT_COORDINATOR'])(
    'what a node answers of one topic, as %s, cuts off nothing else',
    async (name) => {
      const [topic, settings] = [randomUUID(), readOptions({ brokers, partitions: 1 })];
      const session = new KafkaSession(settings);
      onTestFinished(() => session.close(async () => undefined));
      await session.connect({ clock: new SystemClock() });
      const clients = await session.use();
      await new KafkaTopics(settings).ensure(topic, clients);
      const messages = Array.from({ length: 20 }, () => ({ body: Buffer.alloc(500_000) }));
      const publishing = new KafkaPublishing();
      await publishing.send(clients, topic, messages.slice(0, 1));
      const sending = publishing.send(clients, topic, messages);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(session.failed(new ProtocolError(name))).toHaveProperty('away');
      await expect(sending).resolves.toEqual([]);
    },
  );
});
