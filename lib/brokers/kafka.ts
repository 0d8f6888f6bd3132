import type { Broker, SubscribeOptions } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import { said } from './support/kafka-error.js';
import { readOptions, type KafkaOptions } from './support/kafka-options.js';
import { KafkaPublishing } from './support/kafka-publishing.js';
import { KafkaSession, type KafkaClients } from './support/kafka-session.js';
import { KafkaSubscription } from './support/kafka-subscription.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { KafkaTransients, isTransient } from './support/kafka-transients.js';

export type { KafkaOptions } from './support/kafka-options.js';

/** Milliseconds. What servers allow if they were not told otherwise. */
const USUAL_SESSION = 6000;
const LONGEST_SESSION = 60_000;

/**
 * Queues as topics of Apache Kafka (3.1 or later), with the package `@platformatic/kafka`.
 *
 * Publishing resolves when all copies that are in sync have the message. The consumers of a queue are a consumer group. Tasks
 * may end in any order: the offset that is committed is that before which all are done, and which ones behind it are done
 * is kept beside it, so that a restart repeats only what was running. A task that runs is not run again because
 * a process starts or stops: its partition changes hands when what is out of it has ended.
 *
 * What to know: a partition belongs to one consumer at a time, so a queue has at most `partitions` of them at work, and what
 * one has fetched waits for it. A consumer that dies is noticed by its silence, see `session`; so is one whose event loop is
 * blocked for longer. The server takes some milliseconds to store an offset, and an acknowledgement waits for that: more
 * `concurrency` means more throughput. There are no delays, priorities or unique messages. Topics are never deleted
 * but those of replies, by the process that waited for them; one that was killed leaves its topic behind. Their retention is the server's. Each consumer has two connections of its own.
 */
export function kafka(options: KafkaOptions): Broker {
  const settings = readOptions(options);
  const session = new KafkaSession(settings);
  const topics = new KafkaTopics(settings);
  const publishing = new KafkaPublishing();
  const transients = new KafkaTransients(topics, publishing);
  const subscriptions = new Set<KafkaSubscription>();
  /** The shortest session that the server allows, once it refused one. */
  let shortest = 0;

  /** Runs `verb` on the open clients, for the topic of `queue`. */
  const at = async <T>(queue: string, verb: (topic: string, clients: KafkaClients) => Promise<T>): Promise<T> => {
    const topic = topics.nameOf(queue);
    const clients = await session.use();
    try {
      return await verb(topic, clients);
    } catch (error) {
      topics.forget(topic);
      throw session.failed(error);
    }
  };

  /** Signs of life do not wait for tasks, so a longer one gains nothing. */
  const sessionOf = (lease: number): number => settings.session ?? Math.min(Math.max(lease, shortest), LONGEST_SESSION);
  const open = async (topic: string, clock: Clock, options: SubscribeOptions): Promise<KafkaSubscription> => {
    const { prefetch, lease } = options;
    const failed = (error: unknown): Error => session.failed(error);
    const closed = (ended: KafkaSubscription): void => void subscriptions.delete(ended);
    const subscription = new KafkaSubscription(topic, {
      settings,
      topics,
      clock,
      clients: () => session.use(),
      prefetch,
      session: sessionOf(lease),
      failed,
      closed,
    });
    subscriptions.add(subscription);
    await subscription.start().catch(async (error: unknown) => {
      await subscription.close();
      throw error;
    });
    return subscription;
  };

  return {
    kind: 'kafka',
    required: options.required ?? false,
    features: {
      delay: false,
      priority: false,
      ttl: false,
      unique: false,
      durable: true,
      shared: true,
      ordered: settings.partitions === 1,
      redelivery: 'counted',
    },
    connect: (context) => session.connect(context),
    publish: (queue, messages) =>
      at(queue, async (topic, clients) => {
        if (!isTransient(queue)) await topics.ensure(topic, clients);
        const outlet = isTransient(queue) ? transients : publishing;
        const failures = await outlet.send(clients, topic, messages);
        return failures.map(({ index, error }) => ({ index, error: session.failed(error) }));
      }),
    subscribe: (queue, options) =>
      at(queue, async (topic, clients) => {
        await (isTransient(queue) ? transients.create(topic, clients) : topics.ensure(topic, clients));
        try {
          return await open(topic, clients.clock, options);
        } catch (error) {
          if (settings.session !== undefined || !said(error, 'INVALID_SESSION_TIMEOUT')) throw error;
          shortest = USUAL_SESSION;
          return open(topic, clients.clock, options);
        }
      }),
    count: (queue) =>
      at(queue, (topic, clients) => {
        const own = [...subscriptions].filter((subscription) => subscription.topic === topic);
        return topics.backlog(
          topic,
          own.reduce((sum, { out }) => sum + out, 0),
          clients,
        );
      }),
    close: () =>
      session.close(async (clock) => {
        await Promise.all([...subscriptions].map((subscription) => subscription.close()));
        if (clock) await transients.drop(clock, () => session.use());
      }),
  };
}
