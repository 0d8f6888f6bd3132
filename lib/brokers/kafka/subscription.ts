import type { Delivery, Pulse, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import { Polling, type Attempt } from '../support/polling.js';
import { KafkaCommitter } from './committer.js';
import { unreached } from './error.js';
import { KafkaFetcher } from './fetcher.js';
import { KafkaMember } from './member.js';
import type { KafkaSettings } from './options.js';
import { KafkaPartitions } from './partitions.js';
import type { Seat } from './seat.js';
import type { KafkaClients } from './session.js';
import type { KafkaTopics } from './topics.js';
import type { Entry } from './window.js';

/** Less than this many messages in reserve, and more are fetched. */
const RESERVE = 1000;
/** Milliseconds between two looks whether something is to be fetched, when nothing happens. */
const LOOK = 500;
/** How long `subscribe` waits for the group; after that `receive` does. */
const JOIN = 5000;

export interface KafkaSubscriptionParts {
  readonly settings: KafkaSettings;
  readonly topics: KafkaTopics;
  readonly clock: Clock;
  /** The clients as they are now: those that failed were replaced. */
  clients(): Promise<KafkaClients>;
  /** Milliseconds. */
  readonly session: number;
  /** In the group of the topic. */
  readonly seat: Seat;
  readonly pulse: Pulse | undefined;
  /** The most that will be out, of one partition. */
  readonly prefetch: number;
  /** The error as one of ours; what was silent is replaced. */
  failed(error: unknown): Error;
  closed(subscription: KafkaSubscription, memberLeftBehind: string | undefined): void;
}

/** One member of a queue's consumer group: what its partitions hold goes out, and comes to an end in any order. */
export class KafkaSubscription implements Subscription {
  readonly pulse?: Pulse | undefined;
  readonly #partitions: KafkaPartitions;
  readonly #member: KafkaMember;
  readonly #fetcher: KafkaFetcher;
  readonly #committer: KafkaCommitter;
  readonly #polling: Polling;
  #opening: Promise<void> | undefined;
  /** What the next `receive` rejects with; for good when the membership is over. */
  #fault: unknown;
  #over = false;
  #closing: Promise<void> | undefined;

  constructor(
    readonly topic: string,
    private readonly parts: KafkaSubscriptionParts,
  ) {
    const { settings, clock, clients, session, seat, prefetch } = parts;
    this.pulse = parts.pulse;
    this.#partitions = new KafkaPartitions(Math.min(prefetch, RESERVE), prefetch);
    this.#polling = new Polling(clock, { interval: LOOK, longest: LOOK });
    this.#member = new KafkaMember({
      clock,
      client: settings.client,
      seat,
      topic,
      session,
      held: () => this.#partitions.tell(),
      joined: (partitions, kept) => this.#joined(partitions, kept),
      answered: () => void this.#handOn().catch(() => undefined),
      silent: (error) => void parts.failed(error),
      failed: (error) => this.#news(error, true),
    });
    const renewed = (bases?: ReadonlyMap<number, number>): void => (this.#partitions.renew(bases), this.#news());
    this.#fetcher = new KafkaFetcher(() => this.#member.consumer, topic, settings.client, renewed);
    this.#committer = new KafkaCommitter({
      clock,
      windows: () => this.#partitions.windows,
      commit: (commits) => this.#member.commit(async () => (await clients()).commits, commits),
      expelled: () => this.#partitions.lose(),
      failed: (error) => this.parts.failed(error),
    });
  }

  /** How many deliveries are handed out and not settled. */
  get out(): number {
    return this.#partitions.out;
  }

  /** A place in the group outlasts every connection, and an acknowledgement is remembered until it is stored. */
  get lasting(): boolean {
    return !this.#over;
  }

  /** Resolves when the group has taken it in, or takes its time. Rejects when it can't be taken in. */
  async start(): Promise<void> {
    const patience = new AbortController();
    const late = this.parts.clock.sleep(JOIN, patience.signal);
    await Promise.race([this.#member.join().then(() => this.#opening), late]).finally(() => patience.abort());
    if (this.#over) throw this.parts.failed(this.#fault);
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw driverError('FUNQ_KAFKA_CLOSED', `The subscription to ${this.topic} is closed`);
    return this.#polling.receive(() => this.#attempt(max), signal);
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, (entry) => entry.window.ack(entry));
  }

  release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, (entry) => entry.window.release(entry)).finally(() => this.#news());
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#polling.stop();
    this.#partitions.leave();
    if (!this.#over) await this.#committer.flush().catch(() => undefined);
    this.#partitions.lose();
    const [behind] = await Promise.all([this.#member.close(), this.#fetcher.close()]);
    this.parts.closed(this, behind);
  }

  /** What can't be stored now is known all the same, and stored later. */
  async #settle(deliveries: readonly Delivery[], settle: (entry: Entry) => void): Promise<readonly Delivery[]> {
    for (const { receipt } of deliveries) settle(receipt as Entry);
    await (this.#member.doubtful ? this.#committer.confirm() : this.#committer.flush());
    await this.#handOn();
    return deliveries.filter(({ receipt }) => (receipt as Entry).window.lost);
  }

  async #attempt(max: number): Promise<Attempt<Delivery>> {
    const fault = this.#fault;
    if (fault !== undefined) {
      if (!this.#over) this.#fault = undefined;
      throw this.parts.failed(fault);
    }
    if (this.#committer.behind) await this.#handOn();
    if (this.#partitions.unopened) this.#open();
    const taken = await this.#take(max);
    const low = this.#partitions.low(RESERVE);
    const arrived = (error?: unknown): void => this.#news(error);
    // What was taken goes out whatever becomes of this.
    if (low.length > 0 && !this.#closing) this.#fetcher.fetch(low, arrived).catch(arrived);
    return { taken };
  }

  /** What is handed out is committed as such before, so that it is known when this process dies of it. */
  async #take(max: number): Promise<Delivery[]> {
    if (this.#member.doubtful) await this.#committer.confirm();
    const taken = this.#partitions.take(max);
    // While something is out, the next acknowledgement commits what is to come along with it.
    if (taken.length > 0 || !this.#partitions.waiting) return taken;
    await this.#committer.flush();
    return this.#partitions.take(max);
  }

  /** `receive` is to look again; `over` when nothing more will come of this membership. */
  #news(fault?: unknown, over = false): void {
    this.#fault ??= fault;
    this.#over ||= over;
    this.#polling.wake();
  }

  #joined(partitions: readonly number[], kept: boolean): void {
    if (!kept) this.#partitions.lose();
    if (this.#closing) return;
    this.#partitions.assign(partitions);
    this.#open();
    // What fails is tried again with the next sign of life, and by `receive`, which tells of it.
    void this.#handOn().catch(() => undefined);
    this.#polling.wake();
  }

  /** Looks where the partitions that were assigned are to be read from; once at a time, and again when nobody was there. */
  #open(): void {
    const { topics, clients } = this.parts;
    this.#opening ??= this.#partitions
      .open(async (wanted) => topics.committed(this.topic, wanted, (await clients()).admin))
      .then(() => this.#news())
      .catch((error: unknown) => this.#news(error, !unreached(error)))
      .finally(() => (this.#opening = undefined));
  }

  /** Stores what could not be, gives up partitions that are to go to others, of which nothing is out, and has the group form anew. */
  async #handOn(): Promise<void> {
    const { idle } = this.#partitions;
    if (this.#committer.behind || idle.length > 0) await this.#committer.flush();
    this.#partitions.giveUp(idle);
    // While it forms anew it may have been told before; then it is told again after that.
    if (this.#partitions.untold && !this.#closing) void this.#member.join();
  }
}
