import { ConfigResourceTypes } from '@platformatic/kafka';
import { unfit } from '../support/driver-error.js';
import { COMPACTED, moved, said, unknownTopic } from './error.js';
import { DONE, readMarks } from './marks.js';
import { topicOf } from './names.js';
import type { KafkaSettings } from './options.js';
import type { Committed } from './partitions.js';
import { patiently } from './patience.js';
import type { KafkaClients } from './session.js';

/** How often, and how many milliseconds apart, a new topic is looked for: each node learns of it on its own. */
const LOOKS = 100;
const PAUSE = 100;

/** And how often one is that others are to have created, perhaps just now. */
const EXPECTED = 10;

/** How a topic is created that is no ordinary queue. */
export interface TopicPlan {
  readonly partitions: number;
  readonly configs: Readonly<Record<string, number>>;
}

/** Which topics there are; those that may be created are, when they are first needed. */
export class KafkaTopics {
  readonly #known = new Map<string, Promise<number>>();

  constructor(private readonly settings: KafkaSettings) {}

  nameOf(queue: string): string {
    const { topics, prefix } = this.settings;
    return topics.get(queue) ?? prefix + topicOf(queue);
  }

  /** The topic of messages that are not due. No queue's is called so; Kafka refuses that of `funq.delays` beside it. */
  get delays(): string {
    return `${this.settings.prefix}funq_delays`;
  }

  /** What is not due is moved once, whatever groups consume it then. */
  groupOf(topic: string): string {
    return topic === this.delays ? topic : `${this.settings.group}.${topic}`;
  }

  /** The number of partitions of a topic that exists from now on. */
  ensure(topic: string, clients: KafkaClients, plan?: TopicPlan): Promise<number> {
    return this.#once(topic, () => this.#find(topic, clients, plan));
  }

  /** Whether the topic, which others create, is there within `ms`. */
  async awaited(topic: string, clients: KafkaClients, ms: number): Promise<boolean> {
    if (this.#known.has(topic)) return true;
    const partitions = await this.#look(topic, clients, ms / PAUSE);
    return partitions > 0 && (await this.#once(topic, () => Promise.resolve(partitions))) > 0;
  }

  /** Deletes topics and what their consumers remember. */
  async remove(topics: string[], { admin }: KafkaClients): Promise<void> {
    for (const topic of topics) this.forget(topic);
    await admin.deleteTopics({ topics });
    await admin.deleteGroups({ groups: topics.map((topic) => this.groupOf(topic)) });
  }

  /** It may have been deleted: it is looked for again. */
  forget(topic: string): void {
    this.#known.delete(topic);
  }

  /** Messages of the queue that are not done, here or anywhere, of which `held` were handed out here. */
  async backlog(topic: string, held: number, { admin, clock }: KafkaClients): Promise<number> {
    // The node of a topic that was made a moment ago may not know of it yet.
    const open = await patiently(clock, moved, () => this.#open(topic, admin));
    return Math.max(0, open - held);
  }

  async #open(topic: string, admin: KafkaClients['admin']): Promise<number> {
    const partitions = await this.#partitions(topic, admin);
    if (partitions === 0) return 0;
    const indexes = Array.from({ length: partitions }, (_, index) => index);
    const offsets = async (timestamp: bigint): Promise<Map<number, number>> => {
      const list = indexes.map((partitionIndex) => ({ partitionIndex, timestamp }));
      const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions: list }] });
      return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]));
    };
    const [first, last, committed] = await Promise.all([
      offsets(-2n),
      offsets(-1n),
      this.committed(topic, indexes, admin),
    ]);
    const open = indexes.map((index) => {
      const start = first.get(index) ?? 0;
      const { offset, text } = committed.get(index) ?? { offset: start, text: null };
      const runs = readMarks(offset, text).filter(({ count }) => count === DONE);
      const done = runs.reduce((sum, { from, to }) => sum + to - from, 0);
      return Math.max(0, (last.get(index) ?? 0) - Math.max(start, offset) - done);
    });
    return open.reduce((sum, count) => sum + count, 0);
  }

  /** What the group remembers; nothing of partitions that nobody has consumed yet. */
  async committed(
    topic: string,
    partitionIndexes: number[],
    admin: KafkaClients['admin'],
  ): Promise<Map<number, Committed>> {
    const groups = [{ groupId: this.groupOf(topic), topics: [{ name: topic, partitionIndexes }] }];
    const [group] = await admin.listConsumerGroupOffsets({ groups });
    const found = group?.topics.find(({ name }) => name === topic)?.partitions ?? [];
    return new Map(
      found
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset, metadata }) => [
          partitionIndex,
          { offset: Number(committedOffset), text: metadata ?? null },
        ]),
    );
  }

  #once(topic: string, find: () => Promise<number>): Promise<number> {
    let known = this.#known.get(topic);
    if (!known) {
      known = find();
      this.#known.set(topic, known);
      known.catch(() => this.#known.delete(topic));
    }
    return known;
  }

  async #find(topic: string, clients: KafkaClients, plan?: TopicPlan): Promise<number> {
    const { createTopics, replication, maxMessageBytes, address } = this.settings;
    const { admin } = clients;
    const count = await this.#look(topic, clients, createTopics ? 1 : EXPECTED);
    if (count > 0) {
      if (await isCompacted(topic, admin)) {
        const what = `has the topic '${topic}' compacted, which loses tasks that share a key`;
        throw unfit('FUNQ_KAFKA_COMPACTED', `kafka at ${address} ${what}. ${COMPACTED}`);
      }
      return count;
    }
    if (!createTopics) {
      const mend = "Create it, or set 'createTopics: true'.";
      throw unfit('FUNQ_KAFKA_TOPIC', `kafka at ${address} has no topic '${topic}'. ${mend}`);
    }
    const partitions = plan?.partitions ?? this.settings.partitions;
    const values = { 'max.message.bytes': maxMessageBytes, ...plan?.configs };
    const configs = Object.entries(values).map(([name, value]) => ({ name, value: String(value) }));
    await admin
      .createTopics({ topics: [topic], partitions, replicas: replication, configs })
      .catch((error: unknown) => {
        if (!said(error, 'TOPIC_ALREADY_EXISTS')) throw error;
      });
    return (await this.#look(topic, clients, LOOKS)) || partitions;
  }

  /** 0 where there is no such topic after so many looks. */
  async #look(topic: string, { admin, clock }: KafkaClients, looks: number): Promise<number> {
    for (let look = 1; ; look++) {
      const count = await this.#partitions(topic, admin);
      if (count > 0 || look >= looks) return count;
      await clock.sleep(PAUSE);
    }
  }

  /** 0 where there is no such topic. */
  async #partitions(topic: string, admin: KafkaClients['admin']): Promise<number> {
    try {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      return topics.get(topic)?.partitionsCount ?? 0;
    } catch (error) {
      if (unknownTopic(error)) return 0;
      throw error;
    }
  }
}

/** Who has no right to know is believed. */
async function isCompacted(topic: string, admin: KafkaClients['admin']): Promise<boolean> {
  const wanted = {
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: topic,
    configurationKeys: ['cleanup.policy'],
  };
  const found = await admin.describeConfigs({ resources: [wanted] }).catch(() => []);
  return found.some(({ configs }) => configs.some(({ value }) => value?.includes('compact')));
}
