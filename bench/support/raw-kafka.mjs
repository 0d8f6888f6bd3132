import { randomUUID } from 'node:crypto';
import { Admin, Consumer, Producer } from '@platformatic/kafka';
import { body } from './raw-sqlite.mjs';

/** Where measurements find a server. */
export const kafkaBrokers = process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092';
const CLIENT = { clientId: 'bench', bootstrapBrokers: kafkaBrokers.split(',') };

/** A topic as funq makes them, and the client alone on it. */
export async function openTopic(partitions = 4) {
  const topic = `bench-${randomUUID()}`;
  const admin = new Admin(CLIENT);
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  const producer = new Producer({ ...CLIENT, retries: 10, retryDelay: 100 });
  // A partition that has no leader yet answers what this client can't read.
  for (let partition = 0; partition < partitions; partition++) {
    while (!(await produced(producer, topic, partition))) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    /** `batch` messages in each request, acknowledged by all copies, `width` requests unanswered. */
    async produce(count, batch = 500, width = 4) {
      let next = 0;
      const lane = async () => {
        while (next < count) {
          const from = next;
          next += batch;
          const size = Math.min(batch, count - from);
          const messages = Array.from({ length: size }, (_, index) => ({ topic, value: body(from + index) }));
          await producer.send({ messages, acks: -1 });
        }
      };
      await Promise.all(Array.from({ length: width }, lane));
      return partitions;
    },
    /**
     * The client's stream as a new group; `each` is called for each message. It commits what it has fetched on its own, or what
     * was seen: after `every` messages, and waits for that.
     */
    async consume(count, each, every) {
      const consumer = new Consumer({ ...CLIENT, groupId: randomUUID(), retries: 10, retryDelay: 100 });
      const options = { topics: [topic], mode: 'earliest', autocommit: every === undefined, maxWaitTime: 100 };
      const stream = await consumer.consume(options);
      const offsets = new Map();
      let seen = 0;
      for await (const message of stream) {
        each(message);
        const { partition, offset } = message;
        offsets.set(partition, { topic, partition, offset: offset + 1n, leaderEpoch: -1 });
        if (++seen === count) break;
        if (seen % every === 0) await consumer.commit({ offsets: [...offsets.values()] });
      }
      await consumer.close(true);
    },
    async close() {
      await producer.close();
      await admin.deleteTopics({ topics: [topic] });
      await admin.close();
    },
  };
}

async function produced(producer, topic, partition) {
  const sent = producer.send({ messages: [{ topic, partition, value: body(0) }], acks: -1 });
  return sent.then(() => true, () => false); // prettier-ignore
}
