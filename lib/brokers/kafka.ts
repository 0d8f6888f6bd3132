import type { Broker } from '../contracts/broker.js';
import { KafkaConsumers } from './kafka/consumers.js';
import { KafkaDelays } from './kafka/delays.js';
import { KafkaMover } from './kafka/mover.js';
import { readOptions, type KafkaOptions } from './kafka/options.js';
import { KafkaPublishing } from './kafka/publishing.js';
import { KafkaSession, type KafkaClients } from './kafka/session.js';
import { KafkaTopics } from './kafka/topics.js';
import { KafkaTransients, isTransient } from './kafka/transients.js';

export type { KafkaOptions } from './kafka/options.js';

/**
 * Queues as topics of Apache Kafka (3.1 or later), with the package `@platformatic/kafka`.
 *
 * Publishing resolves when all copies that are in sync have the message. The consumers of a queue are a consumer group. Tasks
 * may end in any order: the offset that is committed is that before which all are done, and which ones behind it are done
 * is kept beside it, so that a restart repeats only what was running. A task that runs is not run again because
 * a process starts or stops: its partition changes hands when what is out of it has ended.
 *
 * What is delayed, retries too, waits in the topic `<prefix>funq_delays`, which all applications with this prefix share whatever their
 * `group`: each process with a consumer helps to move it on, so while there is none nothing becomes due. Applications that may not
 * write each other's topics need prefixes of their own. Delays follow the machines' clocks and are some 10 ms late; up to
 * `session` more when a process that moved them was killed, and then messages that were on the move may come twice.
 *
 * What to know: a partition belongs to one consumer at a time, so a queue has at most `partitions` of them at work, and what
 * one has fetched waits for it. A consumer that dies is noticed by its silence, see `session`. While its event loop is blocked, a
 * thread keeps its place in the group until `maxBlock` has passed, unless `sasl` or `tls` hold functions. A group that forms anew
 * waits for a blocked member for at most a minute, and goes on without it then: the others keep at what they have, and who came
 * gets nothing meanwhile. The server takes some milliseconds to store an offset, and an acknowledgement waits for that: more
 * `concurrency` means more throughput. There are no priorities or unique messages. Topics are never deleted but those of
 * replies, by the process that waited for them; one that was killed leaves its topic behind, emptied after an hour. For other
 * topics, how long messages are kept is the server's. Each consumer has two connections of its own, and so have the delays; the
 * thread has one to each node in charge of a group.
 */
export function kafka(options: KafkaOptions): Broker {
  const settings = readOptions(options);
  const session = new KafkaSession(settings);
  const topics = new KafkaTopics(settings);
  const publishing = new KafkaPublishing();
  const transients = new KafkaTransients(topics, publishing);
  const delays = new KafkaDelays(topics, publishing, settings.maxMessageBytes);
  const consumers = new KafkaConsumers(settings, topics, session);

  /** Runs `verb` on the open clients. */
  const at = async <T>(topic: string, verb: (clients: KafkaClients) => Promise<T>): Promise<T> => {
    const clients = await session.use();
    try {
      return await verb(clients);
    } catch (error) {
      topics.forget(topic);
      throw session.failed(error);
    }
  };
  const mover = new KafkaMover({
    topics,
    delays,
    publishing,
    clients: () => session.use(),
    failed: (error) => session.failed(error),
    subscribe: (use) =>
      at(topics.delays, async (clients) => {
        await delays.prepare(clients);
        return consumers.subscribe(topics.delays, clients, use);
      }),
  });

  return {
    kind: 'kafka',
    required: options.required ?? false,
    features: {
      delay: settings.delays,
      priority: false,
      ttl: false,
      unique: false,
      durable: true,
      shared: true,
      ordered: settings.partitions === 1,
      redelivery: 'counted',
    },
    connect: (context) => session.connect(context),
    publish: (queue, messages) => {
      const topic = topics.nameOf(queue);
      return at(topic, async (clients) => {
        if (mover.refused && messages.some(({ delay = 0 }) => delay > 0)) throw mover.refused;
        const failures = await (isTransient(queue) ? transients : delays).send(clients, topic, messages);
        return failures.map(({ index, error }) => ({ index, error: session.failed(error) }));
      });
    },
    subscribe: (queue, use) => {
      const topic = topics.nameOf(queue);
      return at(topic, async (clients) => {
        await (isTransient(queue) ? transients.create(topic, clients) : topics.ensure(topic, clients));
        const subscription = await consumers.subscribe(topic, clients, use);
        if (settings.delays && !isTransient(queue)) mover.start(clients.clock);
        return subscription;
      });
    },
    count: (queue) => {
      const topic = topics.nameOf(queue);
      return at(topic, (clients) => topics.backlog(topic, consumers.out(topic), clients));
    },
    close: () =>
      session.close(async (clock) => {
        await Promise.all([mover.close(), consumers.close()]);
        if (clock) await transients.drop(clock, () => session.use());
      }),
  };
}
