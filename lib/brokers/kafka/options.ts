import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import {
  allowedSASLMechanisms,
  kOptions,
  parseBroker,
  type Base,
  type BaseOptions,
  type SASLOptions,
} from '@platformatic/kafka';
import { driverError, maskedAddress } from '../support/driver-error.js';

/** How Kafka is reached, and how queues become topics. */
export interface KafkaOptions {
  /** `'host:port'` of some of the cluster's nodes, as a list or as a text with commas. */
  readonly brokers?: string | readonly string[];
  /**
   * Any client of `@platformatic/kafka` in place of `brokers`, `sasl` and `tls`, which are as its own are. Each consumer group needs
   * connections of its own, so those of this client are not used, and it stays open.
   */
  readonly client?: Base;
  /** Name of this client in the server's logs and quotas. Default: `'funq'`. */
  readonly clientId?: string;
  /**
   * The consumers of a queue are the consumer group `<group>.<topic>`; applications with different groups each get every
   * message. Default: `'funq'`.
   */
  readonly group?: string;
  /** Put before the name of each topic. */
  readonly prefix?: string;
  /** Topics of queues that are called otherwise: `{ orders: 'com_acme_orders' }`. Without `prefix`. */
  readonly topics?: Readonly<Record<string, string>>;
  /** Whether missing topics are created. Default: true. */
  readonly createTopics?: boolean;
  /**
   * Partitions of a topic that is created: at most so many processes consume one queue at the same time. With 1, a queue keeps
   * the order of publishing; with more, only messages of one key keep theirs. Default: 4.
   */
  readonly partitions?: number;
  /**
   * Whether messages can be delayed, retries too. They wait in the topic `<prefix>funq_delays`, and the consumers' processes
   * move them in the consumer group of the same name. Where topics are not created, it is to be there with 11 partitions. Without
   * delays, a task that is to be tried again waits in its consumer, where it takes up one of `concurrency`. Default: as `createTopics`.
   */
  readonly delays?: boolean;
  /** Copies of a topic that is created, at most the number of nodes. Default: what the server is set to. */
  readonly replication?: number;
  /** Bytes of the largest message in a topic that is created. Default: 8 MiB. */
  readonly maxMessageBytes?: number;
  /**
   * Milliseconds without a sign of life after which a consumer counts as dead and others get its messages. Default: the `lease`
   * of the consumer, at most a minute, and not less than the server allows: usually 6000, see its `group.min.session.timeout.ms`.
   */
  readonly session?: number;
  readonly sasl?: SASLOptions;
  /** `true`, or options of Node's `tls.connect`. */
  readonly tls?: boolean | ConnectionOptions;
  /** As `required` of every broker. Default: false. */
  readonly required?: boolean;
}

/** Options with their defaults. */
export interface KafkaSettings {
  readonly client: BaseOptions & { readonly requestTimeout: number };
  /** For messages: the nodes. */
  readonly address: string;
  readonly group: string;
  readonly prefix: string;
  readonly topics: ReadonlyMap<string, string>;
  readonly createTopics: boolean;
  readonly partitions: number;
  readonly delays: boolean;
  readonly replication: number;
  readonly maxMessageBytes: number;
  readonly session: number | undefined;
}

/** Milliseconds after which others move what a process that died had to. */
export const MOVER_LEASE = 6000;
/** Milliseconds that one request may take; a connection that is silent for longer is given up. */
export const REQUEST_TIMEOUT = 10_000;

const MECHANISMS: readonly string[] = allowedSASLMechanisms;

/** Throws an error that names the option. */
export function readOptions(given: KafkaOptions): KafkaSettings {
  const options = given.client ? { ...given, ...wayOf(given) } : given;
  const brokers = [options.brokers ?? []]
    .flat()
    .flatMap((addresses) => String(addresses).split(','))
    .map((address) => address.trim())
    .filter((address) => address.length > 0);
  if (brokers.length === 0) throw wrong('brokers', options.brokers, "at least one 'host:port'");
  for (const address of brokers) {
    const port = Number(/^[^\s:/@]+:(\d{1,5})$/.exec(address)?.[1]);
    if (!(port > 0 && port < 65_536))
      throw wrong('brokers', maskedAddress(address), "'host:port', without a scheme or a user");
  }
  const { partitions, replication, maxMessageBytes, session, group = 'funq', prefix = '', clientId = 'funq' } = options;
  for (const [name, text] of Object.entries({ group, prefix, clientId })) {
    if (!/^[A-Za-z0-9._-]{0,40}$/.test(text) || (text === '' && name !== 'prefix'))
      throw wrong(name, text, 'up to 40 of letters, digits, dots, underscores and dashes');
  }
  for (const [queue, topic] of Object.entries(options.topics ?? {}))
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || /^\.{1,2}$/.test(topic))
      throw wrong(`topics.${queue}`, topic, 'the name of a topic');
  const { mechanism } = options.sasl ?? {};
  if (mechanism && !MECHANISMS.includes(mechanism))
    throw wrong('sasl.mechanism', mechanism, `one of ${MECHANISMS.join(', ')}`);
  const tls = options.tls === true ? {} : options.tls || undefined;
  return {
    client: {
      clientId,
      bootstrapBrokers: brokers,
      connectTimeout: 4000,
      requestTimeout: REQUEST_TIMEOUT,
      timeout: REQUEST_TIMEOUT - 2000,
      metadataMaxAge: 10_000,
      retryDelay: 200,
      ...(tls && {
        tls,
        tlsServerName: brokers.some((address) => isIP(address.slice(0, address.lastIndexOf(':'))) === 0),
      }),
      ...(options.sasl && { sasl: options.sasl }),
    },
    address: brokers.join(','),
    group,
    prefix,
    topics: new Map(Object.entries(options.topics ?? {})),
    createTopics: options.createTopics ?? true,
    delays: options.delays ?? options.createTopics ?? true,
    partitions: integer('partitions', partitions, 1, 10_000, 4),
    replication: integer('replication', replication, 1, 100, -1),
    maxMessageBytes: integer('maxMessageBytes', maxMessageBytes, 1024, 2 ** 30, 8 * 2 ** 20),
    session: session === undefined ? undefined : integer('session', session, 100, 3_600_000, 0),
  };
}

/** How the client that was handed in reaches the cluster. */
function wayOf({ client, ...options }: KafkaOptions): Pick<KafkaOptions, 'brokers' | 'sasl' | 'tls'> {
  for (const name of ['brokers', 'sasl', 'tls'] as const)
    if (options[name] !== undefined)
      throw driverError('FUNQ_KAFKA_OPTION', `kafka({ ${name} }) is to be left out beside 'client', which has its own`);
  const { bootstrapBrokers, sasl, tls, ssl } = client![kOptions] ?? {};
  if (!Array.isArray(bootstrapBrokers))
    throw wrong('client', client, "a client of @platformatic/kafka, of the same copy of it; else give 'brokers'");
  const brokers = bootstrapBrokers.map((each) => parseBroker(each)).map(({ host, port }) => `${host}:${port}`);
  return { brokers, ...(sasl && { sasl }), ...((tls ?? ssl) && { tls: tls ?? ssl }) };
}

function integer(name: string, value: number | undefined, least: number, most: number, usual: number): number {
  if (value === undefined) return usual;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(name, value, `a whole number from ${least} to ${most}`);
}

function wrong(option: string, value: unknown, wanted: string): Error {
  const shown =
    typeof value === 'string' ? `'${value}'` : typeof value === 'object' && value ? 'an object' : String(value);
  return driverError('FUNQ_KAFKA_OPTION', `kafka({ ${option} }) is ${shown}, but must be ${wanted}`);
}
