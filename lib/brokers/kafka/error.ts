import { TimeoutError } from '@platformatic/kafka';
import { away, driverError, hinted, unfit } from '../support/driver-error.js';

interface Failure {
  readonly message?: string;
  readonly code?: unknown;
  readonly apiId?: unknown;
  readonly errors?: readonly Failure[];
  readonly cause?: Failure;
}

/** The names that Kafka gives what went wrong. */
const FENCED = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'];
const MOVED = [
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'INCONSISTENT_TOPIC_ID',
];
/** Those that may also come of nodes, or members of other releases, that are just starting or going. */
const PASSING = ['INVALID_REPLICATION_FACTOR', 'INCONSISTENT_GROUP_PROTOCOL'];
/** What helps where the topic is compacted. */
export const COMPACTED = "Set its cleanup.policy to 'delete', or map the queue to another one with option 'topics'.";

const MEND: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED: 'refuses the user or the password. Check sasl.username and sasl.password.',
  UNSUPPORTED_SASL_MECHANISM: 'does not offer this way to authenticate. Check sasl.mechanism.',
  ILLEGAL_SASL_STATE: "asks for no user on this port. Leave out option 'sasl', or name the port that does in 'brokers'.",
  TOPIC_AUTHORIZATION_FAILED: 'does not let this user at the topic. Give it the rights to read, write, describe (and create).',
  GROUP_AUTHORIZATION_FAILED: "does not let this user into the consumer group. Give it the right to read groups beginning with option 'group'.",
  CLUSTER_AUTHORIZATION_FAILED: "does not let this user create topics. Create them yourself and set 'createTopics: false'.",
  INVALID_SESSION_TIMEOUT: "takes no such session timeout. Set option 'session' between its group.min.session.timeout.ms and group.max.session.timeout.ms.",
  INVALID_REPLICATION_FACTOR: "has too few nodes for so many copies. Lower option 'replication'.",
  INVALID_TOPIC_EXCEPTION: "takes no such topic, or has one that differs only in '.' and '_'. Map the queue with option 'topics'.",
  INVALID_CONFIG: "takes no topic with such settings. Lower option 'maxMessageBytes'.",
  POLICY_VIOLATION: "has a policy against such topics. Create them yourself and set 'createTopics: false'.",
  INVALID_RECORD: `has the topic compacted, which loses tasks. ${COMPACTED}`,
  MESSAGE_TOO_LARGE: "takes no message as large as this in the topic. Raise the topic's max.message.bytes, or send less.",
  INCONSISTENT_GROUP_PROTOCOL: "has other programs in this consumer group. Choose another one with option 'group'.",
  UNSUPPORTED_VERSION: 'is too old: Kafka 3.1 or later is needed.',
}; // prettier-ignore

/** Whether Kafka said `name`, anywhere in the error. */
export function said(error: unknown, ...names: readonly string[]): boolean {
  return chain(error).some(({ apiId }) => names.includes(apiId as string));
}

/** The group went on without this member, or is just forming anew. */
export const fenced = (error: unknown): boolean => said(error, ...FENCED);

/** The group's own node is not known or not ready yet. */
export const unready = (error: unknown): boolean =>
  said(error, 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR');

/** It is not known which node is the group's own. */
export const notYet = (): Error =>
  Object.assign(new Error("the group's node is not known yet"), { apiId: 'COORDINATOR_NOT_AVAILABLE' });

/** Nobody answered in time, or the event loop was blocked for as long. */
export const unanswered = (error: unknown): boolean => chain(error).some((each) => each instanceof TimeoutError);

/** Nobody was reached, or only who is not ready or no longer in charge. */
export const unreached = (error: unknown): boolean => 'away' in kafkaError('', error);

/** Another node is in charge of the partition, or it is not known yet who is: nothing was done. */
export const moved = (error: unknown): boolean => said(error, ...MOVED) || unknownTopic(error);

/** The client has no code of its own for it. */
export const unknownTopic = (error: unknown): boolean =>
  said(error, 'UNKNOWN_TOPIC_OR_PARTITION') ||
  chain(error).some(({ message = '' }) => message.startsWith('Unknown topic'));

/** The client's error as one of ours: away, or what, where and how to mend it. */
export function kafkaError(address: string, error: unknown): Error {
  const failures = chain(error);
  const known = failures.find(({ code }) => typeof code === 'string' && code.startsWith('FUNQ_'));
  if (known) return known as Error;
  const text = failures.map(({ message }) => message).join(': ');
  if (failures.some(({ code }) => code === 'PLT_KFK_UNSUPPORTED_API'))
    return mended(address, 'UNSUPPORTED_VERSION', error);
  if (failures.some(isTls)) {
    const mend = "Check option 'tls' and its certificates, and that this is a TLS port.";
    return driverError('FUNQ_KAFKA_TLS', `kafka at ${address}: no TLS connection (${text}). ${mend}`, error);
  }
  const named = failures.find(({ apiId }) => typeof apiId === 'string' && apiId in MEND);
  if (named) return mended(address, named.apiId as string, error);
  if (failures.some(isNetwork))
    return away('kafka', address, hinted(new Error(text, { cause: error }), HUNG_UP, "'tls: true' is for a TLS port"));
  return driverError('FUNQ_KAFKA_FAILED', `kafka at ${address} failed: ${text}`, error);
}

/** One of ours that tells what to change. */
export function needsMending(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('FUNQ_KAFKA_') && !/_(AWAY|FAILED|CLOSED)$/.test(code);
}

function mended(address: string, name: string, cause: unknown): Error {
  const make = PASSING.includes(name) ? driverError : unfit;
  return make(`FUNQ_KAFKA_${name}`, `kafka at ${address} ${MEND[name]}`, cause);
}

const isTls = ({ code, message = '' }: Failure): boolean =>
  /^(ERR_SSL|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(String(code)) ||
  /TLS handshake failed/.test(message);

const HUNG_UP = /Connection closed|ECONNRESET/;

/** A connection failed, or could not be made; not so where a node answered that it can't at present. */
export const cutOff = (error: unknown): boolean => chain(error).some(isCut);

const isCut = ({ code }: Failure): boolean =>
  /^(PLT_KFK_(NETWORK|TIMEOUT)|ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOST|ENET)/.test(String(code));

/** Nobody answers, or a node that does is not ready yet or no longer in charge. */
const isNetwork = (failure: Failure): boolean => isCut(failure) || isBusy(failure);

const isBusy = ({ apiId }: Failure): boolean =>
  /^(COORDINATOR_|NOT_|LEADER_NOT|BROKER_NOT|REQUEST_TIMED_OUT|NETWORK_EXCEPTION|REPLICA_NOT)/.test(String(apiId));

function chain(error: unknown): Failure[] {
  const failure = error as Failure | undefined;
  if (typeof failure !== 'object' || failure === null) return [];
  return [failure, ...(failure.errors ?? []).flatMap(chain), ...chain(failure.cause)];
}
