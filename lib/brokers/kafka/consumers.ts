import type { PulseSource, SubscribeOptions } from '../../contracts/broker.js';
import { said, unready } from './error.js';
import { MOVER_LEASE, type KafkaSettings } from './options.js';
import { patiently } from './patience.js';
import { pulseSource } from './pulse.js';
import { seatIn, type Seat } from './seat.js';
import type { KafkaClients, KafkaSession } from './session.js';
import { KafkaSubscription } from './subscription.js';
import type { KafkaTopics } from './topics.js';

/** Milliseconds. What servers allow if they were not told otherwise. */
const USUAL_SESSION = 6000;
const LONGEST_SESSION = 60_000;

/** The open subscriptions of one broker object. */
export class KafkaConsumers {
  readonly #open = new Set<KafkaSubscription>();
  /** By topic, names in its group that are nobody's any more: the server was away when they were to leave. */
  readonly #behind = new Map<string, string[]>();
  /** The shortest session that the server allows, once it refused one. */
  #shortest = 0;

  readonly #pulse: PulseSource | undefined;
  /** Of who moves delays: one for all queues, and kept along with each. */
  readonly #mover: Seat;

  constructor(
    private readonly settings: KafkaSettings,
    private readonly topics: KafkaTopics,
    private readonly session: KafkaSession,
  ) {
    this.#pulse = pulseSource(settings);
    this.#mover = seatIn(topics.groupOf(topics.delays));
  }

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

  /** Closes all but those of delays, which are closed by who moves them. */
  async close(): Promise<void> {
    const queues = [...this.#open].filter(({ topic }) => topic !== this.topics.delays);
    await Promise.all(queues.map((subscription) => subscription.close()));
  }

  async #subscribe(
    topic: string,
    clients: KafkaClients,
    { prefetch, lease }: SubscribeOptions,
  ): Promise<KafkaSubscription> {
    const { settings, topics, session } = this;
    await this.#leave(topic, clients);
    const seat = topic === topics.delays ? this.#mover : seatIn(topics.groupOf(topic));
    const subscription = new KafkaSubscription(topic, {
      settings,
      topics,
      clock: clients.clock,
      clients: () => session.use(),
      prefetch,
      session: this.#sessionOf(lease),
      seat,
      pulse: this.#pulse && {
        source: this.#pulse,
        id: [seat, this.#mover],
        lasts: Math.min(this.#sessionOf(lease), this.#sessionOf(MOVER_LEASE)),
      },
      failed: (error) => session.failed(error),
      closed: (ended, behind) => {
        this.#open.delete(ended);
        if (behind !== undefined) this.#behind.set(topic, [...(this.#behind.get(topic) ?? []), behind]);
      },
    });
    this.#open.add(subscription);
    await subscription.start().catch(async (error: unknown) => {
      await subscription.close();
      throw error;
    });
    return subscription;
  }

  /** Signs of life do not wait for tasks, so a longer one than the longest gains nothing. */
  #sessionOf(lease: number): number {
    return this.settings.session ?? Math.min(Math.max(lease, this.#shortest), LONGEST_SESSION);
  }

  /** Else the group would wait for who never comes, a whole session long. */
  async #leave(topic: string, { admin, clock }: KafkaClients): Promise<void> {
    const names = this.#behind.get(topic);
    if (!names) return;
    const members = names.map((memberId) => ({ memberId }));
    const groupId = this.topics.groupOf(topic);
    // They may be gone already.
    await patiently(clock, unready, () => admin.removeMembersFromConsumerGroup({ groupId, members })).catch(
      () => undefined,
    );
    this.#behind.delete(topic);
  }
}
