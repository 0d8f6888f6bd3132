import { Consumer } from '@platformatic/kafka';
import { shareOut } from './kafka-assigner.js';
import { REQUEST_TIMEOUT, type KafkaSettings } from './kafka-options.js';
import type { Seat } from './kafka-seat.js';

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

/** Joins as `member` where the group knows one by that name, and says of itself what `claim` gives each time. */
export function groupClient(
  { client, seat, topic, session }: GroupClientOptions,
  member: string | null,
  claim: () => Buffer,
): Consumer {
  const consumer = new Consumer({
    ...client,
    requestTimeout: answersWithin(session),
    groupId: seat.group,
    retries: RETRIES,
    sessionTimeout: session,
    rebalanceTimeout: Math.max(session, PATIENCE),
    heartbeatInterval: Math.min(HEARTBEAT, session / 3),
    partitionAssigner: shareOut,
    // Read by the client each time it joins.
    protocols: [{ name: PROTOCOL, version: 1, get metadata() { return claim(); } }],
  }); // prettier-ignore
  consumer.topics.track(topic);
  consumer.memberId = member;
  return consumer;
}
