import {
  Consumer,
  offsetCommitV8,
  type BaseOptions,
  type ConnectionPool,
  type GroupPartitionsAssigner,
} from '@platformatic/kafka';
import { assign, type Claim } from './kafka-assigner.js';

/** The name under which the members of a group agree on how partitions are shared out. */
const PROTOCOL = 'funq';
/** The longest between two signs of life, in milliseconds; so soon is another member's coming and going noticed, too. */
const HEARTBEAT = 1000;
/** A group that is new has no coordinator for a moment. */
const RETRIES = 10;

export interface MemberOptions {
  readonly client: BaseOptions;
  readonly group: string;
  readonly topic: string;
  /** Milliseconds without a sign of life after which the group goes on without this member. */
  readonly session: number;
  /** Partitions that this member has and can't be without: some of their messages are out. */
  held(): number[];
  /** The group formed anew. `kept` when nobody else can have had what this member held. */
  joined(partitions: readonly number[], kept: boolean): void;
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
  #joining = false;
  #closed = false;

  constructor(private readonly options: MemberOptions) {
    const { client, group, topic, session } = options;
    const claim = (): Buffer => this.#claim();
    this.consumer = new Consumer({
      ...client,
      groupId: group,
      retries: RETRIES,
      sessionTimeout: session,
      // A member that does not answer holds up the others for so long.
      rebalanceTimeout: session,
      heartbeatInterval: Math.min(HEARTBEAT, session / 3),
      partitionAssigner,
      // Read by the client each time it joins.
      protocols: [{ name: PROTOCOL, version: 1, get metadata() { return claim(); } }],
    }); // prettier-ignore
    this.consumer.topics.track(topic);
    this.consumer.on('consumer:group:join', (joined) => {
      const { memberId, generationId = 0, assignments } = joined;
      const kept = memberId === this.#id && generationId <= this.#generation + 1;
      this.#joining = false;
      this.#id = memberId;
      this.#generation = generationId;
      options.joined(assignments?.find((each) => each.topic === topic)?.partitions ?? [], kept);
    });
    this.consumer.on('consumer:group:rebalance', () => (this.#joining = true));
    // The client gives up its signs of life after one that failed.
    this.consumer.on('consumer:heartbeat:error', ({ error }) => this.#fail(error));
    this.consumer.on('error' as never, ((error: unknown) => this.#fail(error)) as never);
  }

  /** Joins the group, or has it form anew; does nothing while it is doing so. */
  async join(): Promise<void> {
    if (this.#closed || this.#joining) return;
    this.#joining = true;
    await this.consumer.joinGroup().finally(() => (this.#joining = false));
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
    await offsetCommitV8.api.async(connection, consumer.groupId, generation, id, null, topics);
  }

  /** Leaves the group, so that others need not wait. Resolves to the name that is still in it where that can't be. */
  async close(): Promise<string | undefined> {
    this.#closed = true;
    try {
      await this.consumer.close(true);
      return undefined;
    } catch {
      for (const [, connection] of this.consumer.connections) connection.socket?.destroy();
      return this.#id;
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.options.failed(error);
  }

  #claim(): Buffer {
    // Thrown out of the group it comes as another one, and has nothing.
    const mine = this.#id !== undefined && this.consumer.memberId === this.#id;
    return Buffer.from(JSON.stringify({ generation: this.#generation, partitions: mine ? this.options.held() : [] }));
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
