import { ProtocolError } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import { readOptions } from '../../lib/brokers/kafka/options.js';
import type { KafkaClients } from '../../lib/brokers/kafka/session.js';
import { KafkaTopics } from '../../lib/brokers/kafka/topics.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

/** A topic of one partition with three messages, of which nobody tells until the node was asked `refusals` times. */
function young(refusals: number): { clients: KafkaClients; clock: ManualClock } {
  let asked = 0;
  const clock = new ManualClock();
  const admin = {
    metadata: async () => ({ topics: new Map([['orders', { partitionsCount: 1 }]]) }),
    listConsumerGroupOffsets: async () => [],
    async listOffsets({ topics }: { topics: { partitions: { timestamp: bigint }[] }[] }) {
      if (asked++ < refusals) throw new ProtocolError('NOT_LEADER_OR_FOLLOWER');
      return [{ partitions: [{ partitionIndex: 0, offset: topics[0]!.partitions[0]!.timestamp === -1n ? 3n : 0n }] }];
    },
  };
  return { clients: { admin, clock } as unknown as KafkaClients, clock };
}

it('A topic whose node is not in charge of it yet is counted when it is', async () => {
  const { clients, clock } = young(3);
  const counting = new KafkaTopics(readOptions({ brokers: 'localhost:9092' })).backlog('orders', 0, clients);
  await clock.advance(1000);
  await expect(counting).resolves.toBe(3);
});

it('A topic whose node never is in charge of it is not waited for without end', async () => {
  const { clients, clock } = young(Infinity);
  const counting = new KafkaTopics(readOptions({ brokers: 'localhost:9092' })).backlog('orders', 0, clients);
  counting.catch(() => undefined);
  await clock.advance(10_000);
  await expect(counting).rejects.toThrow(/NOT_LEADER_OR_FOLLOWER|leader/i);
});
