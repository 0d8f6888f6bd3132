import { Consumer, type GroupPartitionsAssigner } from '@platformatic/kafka';
import { shareOut } from './assigner.js';
import { REQUEST_TIMEOUT, type KafkaSettings } from './options.js';
import type { Seat } from './seat.js';

/** The name under which the members of a group agree on how partitions are shared out. */
const PROTOCOL = 'funq';
/** The longest between two signs of life, in milliseconds; so soon is another member's coming and going noticed, too. */
const HEARTBEAT = 1000;
/**
 * Milliseconds that a group which forms anew waits for a member that is alive and does not join, because its event loop is blocked.
 * The others go on with what they have; what nobody has waits.
 */
export const PATIENCE = 60_000;
/** A group that is new has no coordinator for a moment. */
const RETRIES = 10;

export interface GroupClientOptions {
  readonly client: KafkaSettings['client'];
  /** Where another thread reads as whom the group knows this member. */
  readonly seat: Seat;
  readonly topic: string;
  /** Milliseconds without a sign of life after which the group goes on without this member. */
  readonly session: number;
}

/** Milliseconds. A group that forms anew answers when all members have, or have run out of time; and that may be told a little later. */
export const answersWithin = (session: number): number => Math.max(REQUEST_TIMEOUT, session + 2000);

/**
 * Joins as `member` where the group knows one by that name, and says of itself what `claim` gives each time. `grown` is called, again
 * and again until the group forms anew, when there are more partitions than this member shared out.
 */
export function groupClient(
  { client, seat, topic, session }: GroupClientOptions,
  member: string | null,
  claim: () => Buffer,
  grown: () => void,
): Consumer {
  let counted: number | undefined;
  const assigner: GroupPartitionsAssigner = (own, members, topics, metadata) => {
    counted = metadata.topics.get(topic)?.partitionsCount;
    return shareOut(own, members, topics, metadata);
  };
  const consumer = new Consumer({
    ...client,
    requestTimeout: answersWithin(session),
    groupId: seat.group,
    retries: RETRIES,
    sessionTimeout: session,
    rebalanceTimeout: Math.max(session, PATIENCE),
    heartbeatInterval: Math.min(HEARTBEAT, session / 3),
    partitionAssigner: assigner,
    // Read by the client each time it joins.
    protocols: [{ name: PROTOCOL, version: 1, get metadata() { return claim(); } }],
  }); // prettier-ignore
  /** Others see to what they shared out. */
  let shared = Infinity;
  consumer.on('consumer:group:join', ({ isLeader, assignments }) => {
    // Who is alone gets all, and nothing is shared out.
    const all = counted ?? assignments?.find((each) => each.topic === topic)?.partitions.length ?? Infinity;
    shared = isLeader ? all : Infinity;
    counted = undefined;
  });
  consumer.on('consumer:heartbeat:end', () => {
    if (shared === Infinity) return;
    const look = consumer.metadata({ topics: [topic] });
    look.then(({ topics }) => (topics.get(topic)?.partitionsCount ?? 0) > shared && grown()).catch(() => undefined);
  });
  consumer.topics.track(topic);
  consumer.memberId = member;
  return consumer;
}
