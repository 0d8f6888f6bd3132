import type { SubscribeOptions } from '../../contracts/broker.js';
import { said } from './kafka-error.js';
import type { KafkaSettings } from './kafka-options.js';
import type { KafkaClients, KafkaSession } from './kafka-session.js';
import { KafkaSubscription } from './kafka-subscription.js';
import type { KafkaTopics } from './kafka-topics.js';

/** Milliseconds. What servers allow if they were not told otherwise. */
const USUAL_SESSION = 6000;
const LONGEST_SESSION = 60_000;

/** The open subscriptions of one broker object. */
export class KafkaConsumers {
  readonly #open = new Set<KafkaSubscription>();
  /** The shortest session that the server allows, once it refused one. */
  #shortest = 0;

  constructor(
    private readonly settings: KafkaSettings,
    private readonly topics: KafkaTopics,
    private readonly session: KafkaSession,
  ) {}

  /** Joins the group of a topic that exists. */
  async subscribe(topic: string, clients: KafkaClients, options: SubscribeOptions): Promise<KafkaSubscription> {
    try {
      return await this.#subscribe(topic, clients, options);
    } catch (error) {
      if (this.settings.session !== undefined || !said(error, 'INVALID_SESSION_TIMEOUT')) throw error;
      this.#shortest = USUAL_SESSION;
      return this.#subscribe(topic, clients, options);
    }
  }

  /** How many deliveries of the topic are handed out and not settled. */
  out(topic: string): number {
    return [...this.#open].reduce((sum, each) => sum + (each.topic === topic ? each.out : 0), 0);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()));
  }

  async #subscribe(
    topic: string,
    { clock }: KafkaClients,
    { prefetch, lease }: SubscribeOptions,
  ): Promise<KafkaSubscription> {
    const { settings, topics, session } = this;
    const subscription = new KafkaSubscription(topic, {
      settings,
      topics,
      clock,
      clients: () => session.use(),
      prefetch,
      // Signs of life do not wait for tasks, so a longer one gains nothing.
      session: settings.session ?? Math.min(Math.max(lease, this.#shortest), LONGEST_SESSION),
      failed: (error) => session.failed(error),
      closed: (ended) => void this.#open.delete(ended),
    });
    this.#open.add(subscription);
    await subscription.start().catch(async (error: unknown) => {
      await subscription.close();
      throw error;
    });
    return subscription;
  }
}
