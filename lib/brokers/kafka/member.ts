import { offsetCommitV8, type ConnectionPool, type Consumer, type ConsumerGroupJoinPayload } from '@platformatic/kafka';
import type { Clock } from '../../contracts/clock.js';
import { notYet, unanswered, unreached } from './error.js';
import { PATIENCE, answersWithin, groupClient, type GroupClientOptions } from './group-client.js';
import { take } from './seat.js';

export interface MemberOptions extends GroupClientOptions {
  readonly clock: Clock;
  /** Partitions that this member has and can't be without: some of their messages are out. Asked before each joining. */
  held(): number[];
  /** The group formed anew. `kept` when nobody else can have had what this member held. */
  joined(partitions: readonly number[], kept: boolean): void;
  /** The group answered a sign of life: what failed may succeed now. It does so every second, also where nothing is received. */
  answered(): void;
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
  #consumer: Consumer;
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
    this.#consumer = this.#open();
  }

  /** The client, until another one takes its place. */
  get consumer(): Consumer {
    return this.#consumer;
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
    await this.#consumer.joinGroup().catch((error: unknown) => this.#fail(error));
  }

  /**
   * Refused when the group went on without the generation in which the partitions were this member's: the one of now, however long
   * the `pool` is waited for.
   */
  async commit(pool: () => Promise<ConnectionPool>, commits: readonly Commit[]): Promise<void> {
    const generation = this.#generation;
    const id = this.#id ?? '';
    const consumer = this.#consumer;
    const { brokers } = await consumer.metadata({ topics: [this.options.topic] });
    const node = brokers.get(consumer.coordinatorId ?? -1);
    if (!node) throw notYet();
    const connection = await (await pool()).get(node);
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
      await leave(this.#consumer);
      return undefined;
    } catch {
      this.#disconnect();
      return this.#consumer.memberId ?? this.#id;
    }
  }

  /**
   * The server may be away, a connection silent for good, or a group as long as it waits for others: all that is tried again, by the
   * same name, so that the group need not wait for who never comes. Here and not in the core: that calls nothing while all slots
   * are busy, and what is out would go to others meanwhile.
   */
  #fail(error: unknown): void {
    const joining = this.#joining;
    this.#joining = false;
    if (this.#closed) return;
    const waited = unanswered(error) ? this.#silences++ * answersWithin(this.options.session) : 0;
    if (!unreached(error) || waited >= PATIENCE) return this.options.failed(error);
    if (!joining) this.options.silent(error);
    this.#replace();
    void this.join();
  }

  #open(): Consumer {
    const { clock } = this.options;
    const grown = (): void => void (consumer === this.#consumer && this.join());
    const consumer = groupClient(this.options, this.#id ?? null, () => this.#claim(), grown);
    const ours =
      <T>(take: (told: T) => void) =>
      (told: T): void => {
        if (consumer === this.#consumer) take(told);
      };
    consumer.on(
      'consumer:group:join',
      ours((joined) => this.#joined(joined)),
    );
    consumer.on(
      'consumer:group:rebalance',
      ours(() => (this.#joining = true)),
    );
    consumer.on(
      'consumer:heartbeat:start',
      ours(() => (this.#sentAt = clock.monotonic())),
    );
    consumer.on(
      'consumer:heartbeat:end',
      ours(() => {
        this.#confirmedAt = this.#sentAt;
        this.options.answered();
      }),
    );
    // The client gives up its signs of life after one that failed.
    consumer.on(
      'consumer:heartbeat:error',
      ours(({ error }) => this.#fail(error)),
    );
    consumer.on('error' as never, ours((error: unknown) => this.#fail(error)) as never);
    return consumer;
  }

  #joined({ memberId, generationId = 0, assignments }: ConsumerGroupJoinPayload): void {
    const { seat, topic, joined } = this.options;
    // No generation forms without a member: it told what it had, or it is out of the group and never comes back by that name.
    const kept = memberId === this.#id;
    this.#joining = false;
    // The client's own joining went on after the closing, which failed: else nobody would read what it is given.
    if (this.#closed) return void leave(this.#consumer).catch(() => this.#disconnect());
    this.#silences = 0;
    this.#confirmedAt = this.#sentAt;
    this.#id = memberId;
    this.#generation = generationId;
    take(seat, { member: memberId, generation: generationId });
    joined(assignments?.find((each) => each.topic === topic)?.partitions ?? [], kept);
  }

  /** A client never looks a second time for the node that is in charge of its group. */
  #replace(): void {
    const former = this.#consumer;
    this.#disconnect();
    this.#consumer = this.#open();
    // Without a name it ends without the group's knowing.
    former.memberId = null;
    void leave(former).catch(() => undefined);
  }

  #disconnect(): void {
    for (const [, connection] of this.#consumer.connections) connection.socket?.destroy();
  }

  #claim(): Buffer {
    const held = this.options.held();
    // Thrown out of the group it comes as another one, and has nothing.
    const mine = this.#id !== undefined && this.#consumer.memberId === this.#id;
    return Buffer.from(JSON.stringify({ generation: this.#generation, partitions: mine ? held : [] }));
  }
}

/** First of all the client is to join no more: its `close` alone does not end a joining that is under way. */
async function leave(consumer: Consumer): Promise<void> {
  await consumer.leaveGroup(true);
  await consumer.close(true);
}
