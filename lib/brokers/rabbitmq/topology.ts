import type { Channel, Options } from 'amqplib';
import { TRANSIENT_PREFIX } from '../../contracts/transient.js';
import { driverError, unfit } from '../support/driver-error.js';
import { DUE_EXCHANGE, declareDue } from './delays.js';
import { RabbitPatterns } from './patterns.js';

export interface RabbitExchange {
  readonly type: 'direct' | 'fanout' | 'topic' | 'headers';
  /** Outlives a restart of the server. Default: true. */
  readonly durable?: boolean;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** From where a queue gets messages besides those that are published to it. */
export interface RabbitBinding {
  readonly exchange: string;
  /** Routing key, or pattern of a topic exchange. Default: none. */
  readonly key?: string;
  /** What a headers exchange compares, `x-match` among them. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Where a message goes that is published to a name that is no queue. */
export interface RabbitRoute {
  readonly exchange: string;
  /** Routing key. Default: none. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

export interface RabbitTopologyOptions {
  /**
   * Of the queues that are declared; it can't be changed later. `'quorum'`, the default: replicated in a cluster, tells how
   * often a task was handed out (so one that kills its process is found), puts what is given back at the end, knows no
   * priorities. `'classic'`: lost with its node, only marks what was handed out before, keeps the place of what is given back,
   * has priorities.
   */
  readonly type?: 'quorum' | 'classic';
  /**
   * The highest priority of classic queues, 0 to 255; 10 by default. Each level costs the server memory and speed: measure
   * before using more than ten. 0 switches priorities off.
   */
  readonly priorities?: number;
  /** More arguments of the queues that are declared: `{ 'x-max-length': 100_000 }`. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Put before the name of each queue on the server. Default: none. */
  readonly prefix?: string;
  /** Exchanges to declare, by name. Those that `bindings` and `routes` only mention must exist. */
  readonly exchanges?: Readonly<Record<string, RabbitExchange>>;
  /** By queue: the exchanges that feed it, too. */
  readonly bindings?: Readonly<Record<string, readonly RabbitBinding[]>>;
  /**
   * By name: publishing to it means publishing to an exchange, for whichever queues are bound there. Such a name can't be
   * consumed: a retry belongs to the one queue that it came from.
   */
  readonly routes?: Readonly<Record<string, RabbitRoute>>;
  /**
   * Whether messages can be delayed, in quorum queues of their own; it needs rights on exchanges and queues that begin with
   * `funq.`. Default: true.
   *
   * `'plugin'`: to the millisecond by the server's plug-in `rabbitmq_delayed_message_exchange` where that is enabled, else as
   * by default; never over a `connection` that was handed in. For what may get lost: the plug-in keeps one copy, confirms
   * before that is on disk, and sends what is due once, also to a queue that is full, or that has no leader, as a quorum queue
   * while its server starts. Disabling it removes what it keeps.
   */
  readonly delays?: boolean | 'plugin';
  /**
   * Whether patterns of microservices may hold wildcards; the same for their services and clients. Events and requests then go
   * through a topic exchange `funq.patterns`, with `prefix` before it; a queue is bound there when it is first consumed, for as
   * long as it lives, so delete that of a pattern that no service has any more. Default: false.
   */
  readonly wildcards?: boolean;
}

/** Milliseconds without a consumer after which the queue of a process that ended is removed. */
const TRANSIENT_EXPIRES = 300_000;
const LONGEST_NAME = 255;
const TYPES = ['quorum', 'classic'];
/** The server's own, and those of its plug-ins, which begin with x-. */
const KINDS = /^(?:direct|fanout|topic|headers|x-.+)$/;

/** Which queues, exchanges and bindings there are to be, and under which names. */
export class RabbitTopology {
  readonly quorum: boolean;
  readonly priorities: number;
  readonly delays: boolean;
  readonly delayPlugin: boolean;
  /** Present where patterns may hold wildcards. */
  readonly patterns: RabbitPatterns | undefined;
  readonly #routes: ReadonlyMap<string, RabbitRoute>;
  readonly #bindings: ReadonlyMap<string, readonly RabbitBinding[]>;
  readonly #exchanges: readonly (readonly [string, RabbitExchange])[];

  constructor(private readonly options: RabbitTopologyOptions) {
    const { type = 'quorum', priorities = 10, delays = true, routes = {}, bindings = {}, exchanges = {} } = options;
    if (!Number.isInteger(priorities) || priorities < 0 || priorities > 255)
      throw driverError('FUNQ_RABBITMQ_OPTIONS', `rabbitmq: \`priorities\` is ${priorities}, but must be 0 to 255`);
    if (!TYPES.includes(type))
      throw driverError('FUNQ_RABBITMQ_OPTIONS', `rabbitmq: \`type\` is '${type}', but must be 'quorum' or 'classic'`);
    for (const [name, { type: kind }] of Object.entries(exchanges))
      if (!KINDS.test(kind))
        throw driverError(
          'FUNQ_RABBITMQ_OPTIONS',
          `rabbitmq: \`exchanges.${name}.type\` is '${kind}', but must be direct, fanout, topic or headers`,
        );
    this.quorum = type === 'quorum';
    this.priorities = this.quorum ? 0 : priorities;
    this.delays = delays !== false;
    this.delayPlugin = delays === 'plugin';
    this.patterns = options.wildcards ? new RabbitPatterns(this.nameOf('funq.patterns'), this.delays) : undefined;
    this.#routes = new Map(Object.entries(routes));
    this.#bindings = new Map(Object.entries(bindings));
    this.#exchanges = Object.entries(exchanges);
  }

  routeOf(queue: string): RabbitRoute | undefined {
    return this.#routes.get(queue);
  }

  /** The server drops line ends from names and keeps `amq.` to itself. Throws for a name that is too long. */
  nameOf(queue: string): string {
    const { prefix = '' } = this.options;
    const name = (prefix + queue).replace(/[%\r\n]|^(?=amq\.)/g, (found) => (found ? encodeURIComponent(found) : '%'));
    if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
    throw unfit('FUNQ_RABBITMQ_NAME', `a queue's name may have ${LONGEST_NAME} bytes on rabbitmq: ${name}`);
  }

  /** What does not wait for its first use: exchanges, and the queues that are bound to them, so that they miss nothing. */
  async declare(channel: Channel): Promise<void> {
    for (const [name, { type, durable = true, arguments: args }] of this.#exchanges)
      await channel.assertExchange(name, type, { durable, arguments: args });
    await this.patterns?.declare(channel);
    for (const queue of this.#bindings.keys()) await this.declareQueue(channel, queue);
  }

  /** The queue with all that leads to it, as one that is consumed also what is spread and matches `pattern`. Its name on the server. */
  async declareQueue(channel: Channel, queue: string, pattern?: string): Promise<string> {
    const name = this.nameOf(queue);
    const transient = queue.startsWith(TRANSIENT_PREFIX);
    await channel.assertQueue(name, transient ? TRANSIENT : this.#settings());
    if (transient) return name;
    if (this.delays) {
      await declareDue(channel);
      await channel.bindQueue(name, DUE_EXCHANGE.name, name);
    }
    for (const { exchange, key = '', headers } of this.#bindings.get(queue) ?? [])
      await channel.bindQueue(name, exchange, key, headers);
    if (pattern !== undefined) await this.patterns?.bind(channel, name, pattern);
    return name;
  }

  #settings(): Options.AssertQueue {
    const { arguments: own = {} } = this.options;
    const type = this.quorum ? { 'x-queue-type': 'quorum' } : {};
    const priorities = this.priorities > 0 ? { 'x-max-priority': this.priorities } : {};
    return { durable: true, arguments: { ...type, ...priorities, ...own } };
  }
}

const TRANSIENT: Options.AssertQueue = { durable: true, arguments: { 'x-expires': TRANSIENT_EXPIRES } };
