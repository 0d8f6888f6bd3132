import { Consumer, offsetCommitV8, type ConnectionPool, type GroupPartitionsAssigner } from '@platformatic/kafka';
import type { Clock } from '../../contracts/clock.js';
import { assign, type Claim } from './kafka-assigner.js';
import { unanswered } from './kafka-error.js';
import type { KafkaSettings } from './kafka-options.js';
import { take, type Seat } from './kafka-seat.js';

/** The name under which the members of a group agree on how partitions are shared out. */
const PROTOCOL = 'funq';
/** The longest between two signs of life, in milliseconds; so soon is another member's coming and going noticed, too. */
const HEARTBEAT = 1000;
/**
 * Milliseconds that a group which forms anew waits for a member that is alive and does not join, because its event loop is blocked.
 * The others go on with what they have; what nobody has waits.
 */
const PATIENCE = 60_000;
/** A group that is new has no coordinator for a moment. */
const RETRIES = 10;

export interface MemberOptions {
  readonly clock: Clock;
  readonly client: KafkaSettings['client'];
  /** Where another thread reads as whom the group knows this member. */
  readonly seat: Seat;
  readonly topic: string;
  /** Milliseconds without a sign of life after which the group goes on without this member. */
  readonly session: number;
  /** Partitions that this member has and can't be without: some of their messages are out. Asked before each joining. */
  held(): number[];
  /** The group formed anew. `kept` when nobody else can have had what this member held. */
  joined(partitions: readonly number[], kept: boolean): void;
  /** A connection fell silent: others may have, too. */
  silent(error: unknown): void;
  /** The membership is over; nothing more will come of it. */
  failed(error: unknown): void;
}

/** What is to be remembered of a partition. */
export interface Commit {
  readonly partition: number;
  readonly offset: number;
  readonly text: string;
}

/** A place in a consumer group: the client keeps it alive by itself, and joins again when others come or go. */
export class KafkaMember {
  readonly consumer: Consumer;
  #id: string | undefined;
  #generation = -1;
  /** When the last sign of life was sent, and the last one that the group answered. */
  #sentAt = -Infinity;
  #confirmedAt = -Infinity;
  #joining = false;
  /** Requests in a row that were not answered in time. */
  #silences = 0;
  #closed = false;

  constructor(private readonly options: MemberOptions) {
    const { clock, client, seat, topic, session } = options;
    const claim = (): Buffer => this.#claim();
    this.consumer = new Consumer({
      ...client,
      groupId: seat.group,
      retries: RETRIES,
      sessionTimeout: session,
      rebalanceTimeout: Math.max(session, PATIENCE),
      heartbeatInterval: Math.min(HEARTBEAT, session / 3),
      partitionAssigner,
      // Read by the client each time it joins.
      protocols: [{ name: PROTOCOL, version: 1, get metadata() { return claim(); } }],
    }); // prettier-ignore
    this.consumer.topics.track(topic);
    this.consumer.on('consumer:group:join', (joined) => {
      const { memberId, generationId = 0, assignments } = joined;
      // No generation forms without a member: it told what it had, or it is out of the group and never comes back by that name.
      const kept = memberId === this.#id;
      this.#joining = false;
      // The client's own joining went on after the closing, which failed: else nobody would read what it is given.
      if (this.#closed) return void this.#leave().catch(() => this.#disconnect());
      this.#silences = 0;
      this.#confirmedAt = this.#sentAt;
      this.#id = memberId;
      this.#generation = generationId;
      take(seat, { member: memberId, generation: generationId });
      options.joined(assignments?.find((each) => each.topic === topic)?.partitions ?? [], kept);
    });
    this.consumer.on('consumer:group:rebalance', () => (this.#joining = true));
    this.consumer.on('consumer:heartbeat:start', () => (this.#sentAt = clock.monotonic()));
    this.consumer.on('consumer:heartbeat:end', () => (this.#confirmedAt = this.#sentAt));
    // The client gives up its signs of life after one that failed.
    this.consumer.on('consumer:heartbeat:error', ({ error }) => this.#fail(error));
    this.consumer.on('error' as never, ((error: unknown) => this.#fail(error)) as never);
  }

  /** The group may have gone on without this member: it was silent for as long as that takes, asleep or blocked. */
  get doubtful(): boolean {
    const { clock, session } = this.options;
    return clock.monotonic() - this.#confirmedAt >= session;
  }

  /** Joins the group, or has it form anew; does nothing while it is doing so. Never rejects. */
  async join(): Promise<void> {
    if (this.#closed || this.#joining) return;
    this.#joining = true;
    this.#sentAt = this.options.clock.monotonic();
    await this.consumer.joinGroup().catch((error: unknown) => this.#fail(error));
  }

  /** Refused when the group went on without the generation in which the partitions were this member's. */
  async commit(pool: ConnectionPool, commits: readonly Commit[]): Promise<void> {
    const generation = this.#generation;
    const id = this.#id ?? '';
    const { consumer } = this;
    const { brokers } = await consumer.metadata({ topics: [this.options.topic] });
    const connection = await pool.get(brokers.get(consumer.coordinatorId ?? -1)!);
    const partitions = commits.map(({ partition, offset, text }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: text,
    }));
    const topics = [{ name: this.options.topic, partitions }];
    const sentAt = this.options.clock.monotonic();
    await offsetCommitV8.api.async(connection, consumer.groupId, generation, id, null, topics);
    this.#confirmedAt = Math.max(this.#confirmedAt, sentAt);
  }

  /** Leaves the group, so that others need not wait. Resolves to the name that is still in it where that can't be. */
  async close(): Promise<string | undefined> {
    this.#closed = true;
    take(this.options.seat);
    try {
      await this.#leave();
      return undefined;
    } catch {
      this.#disconnect();
      return this.consumer.memberId ?? this.#id;
    }
  }

  /** First of all the client is to join no more: its `close` alone does not end a joining that is under way. */
  async #leave(): Promise<void> {
    await this.consumer.leaveGroup(true);
    await this.consumer.close(true);
  }

  /** A connection may be silent for good, or a group for as long as it waits for others: both is tried again. */
  #fail(error: unknown): void {
    const joining = this.#joining;
    this.#joining = false;
    if (this.#closed) return;
    const waited = this.#silences++ * this.options.client.requestTimeout;
    if (!unanswered(error) || waited >= PATIENCE) return this.options.failed(error);
    if (!joining) this.options.silent(error);
    this.#disconnect();
    void this.join();
  }

  #disconnect(): void {
    for (const [, connection] of this.consumer.connections) connection.socket?.destroy();
  }

  #claim(): Buffer {
    const held = this.options.held();
    // Thrown out of the group it comes as another one, and has nothing.
    const mine = this.#id !== undefined && this.consumer.memberId === this.#id;
    return Buffer.from(JSON.stringify({ generation: this.#generation, partitions: mine ? held : [] }));
  }
}

/** Run by the one member that the group chose to share out. */
const partitionAssigner: GroupPartitionsAssigner = (_own, members, topics, metadata) => {
  const claims = [...members.values()].map(({ memberId, metadata: text }) => readClaim(memberId, text));
  const assigned = new Map(
    claims.map(({ member }) => [member, new Map<string, { topic: string; partitions: number[] }>()]),
  );
  for (const topic of topics) {
    const shares = assign(claims, metadata.topics.get(topic)?.partitionsCount ?? 0);
    for (const [member, partitions] of shares) assigned.get(member)!.set(topic, { topic, partitions });
  }
  return [...assigned].map(([memberId, assignments]) => ({ memberId, assignments }));
};

function readClaim(member: string, text: Buffer | string | undefined): Claim {
  try {
    const { generation, partitions } = JSON.parse(String(text)) as Claim;
    return { member, generation: Number(generation), partitions: partitions.filter(Number.isInteger) };
  } catch {
    return { member, generation: -1, partitions: [] };
  }
}
