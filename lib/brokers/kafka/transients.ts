import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { TRANSIENT_PREFIX } from '../../contracts/transient.js';
import { unknownTopic } from './error.js';
import type { KafkaPublishing } from './publishing.js';
import type { KafkaClients } from './session.js';
import type { KafkaTopics, TopicPlan } from './topics.js';

/** Nobody waits for an answer for longer; those that stand here because their process died take no room after that. */
const PLAN: TopicPlan = { partitions: 1, configs: { 'retention.ms': 3_600_000, 'segment.ms': 3_600_000 } };
/** Milliseconds that an answer waits for its topic: who asks creates it while the question is on its way. */
const COMING = 5000;
/** Milliseconds that the end waits for the server. */
const FAREWELL = 3000;

export const isTransient = (queue: string): boolean => queue.startsWith(TRANSIENT_PREFIX);

/** Topics of one process each: their consumer creates them and deletes them, and nobody else does. */
export class KafkaTransients {
  readonly #own = new Set<string>();

  constructor(
    private readonly topics: KafkaTopics,
    private readonly publishing: KafkaPublishing,
  ) {}

  async create(topic: string, clients: KafkaClients): Promise<void> {
    this.#own.add(topic);
    await this.topics.ensure(topic, clients, PLAN);
  }

  /** Where the topic is gone nobody waits, and the messages are dropped. */
  async send(clients: KafkaClients, topic: string, messages: readonly Outgoing[]): Promise<readonly PublishFailure[]> {
    if (!(await this.topics.awaited(topic, clients, COMING))) return [];
    try {
      return await this.publishing.send(clients, topic, messages);
    } catch (error) {
      this.topics.forget(topic);
      if (unknownTopic(error)) return [];
      throw error;
    }
  }

  /** Deletes what was created here, with its consumer group. What can't be deleted in time stays. */
  async drop(clock: Clock, use: () => Promise<KafkaClients>): Promise<void> {
    if (this.#own.size === 0) return;
    const dropping = use().then((clients) => this.topics.remove([...this.#own], clients));
    await withDeadline(clock, FAREWELL, dropping, () => new Error('late')).catch(() => undefined);
    this.#own.clear();
  }
}
