import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import { TRANSIENT_PREFIX } from '../../contracts/transient.js';
import { driverError } from '../support/driver-error.js';
import type { RabbitConnection } from './connection.js';
import type { RabbitDelays, WayOf } from './delays.js';
import { channelError } from './error.js';
import { LONGEST_DELAY } from './ladder.js';
import { RabbitOutlet, Unroutable, type Destination, type Sending } from './outlet.js';
import type { RabbitTopology } from './topology.js';

/** One for all messages: the client makes its own of it, several times faster than of none. */
const NO_HEADERS = Object.freeze({});

/** What was asked for in one call. */
interface Batch {
  readonly outlet: RabbitOutlet;
  readonly queue: string;
  readonly messages: readonly Outgoing[];
}

/** Turns messages into what the server is sent, over one channel that is opened again when it has ended. */
export class RabbitPublisher {
  #opening: Promise<RabbitOutlet> | undefined;

  constructor(
    private readonly connection: RabbitConnection,
    private readonly topology: RabbitTopology,
    private readonly delays: RabbitDelays,
  ) {}

  /** The channel, and with it the exchanges that were asked for. */
  open(): Promise<RabbitOutlet> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Ends the channel; for a connection that goes on. */
  async close(): Promise<void> {
    const outlet = await this.#opening?.catch(() => undefined);
    await outlet?.close().catch(() => undefined);
  }

  async publish(queue: string, messages: readonly Outgoing[]): Promise<readonly PublishFailure[]> {
    const batch: Batch = { outlet: await this.open(), queue, messages };
    const failures: PublishFailure[] = [];
    const straight: number[] = [];
    const spread: number[] = [];
    for (const [index, message] of messages.entries()) {
      const spreads = this.#spreads(queue, message);
      const error = this.#refusal(queue, message) ?? (spreads && this.topology.patterns?.refusal(message.spread!));
      if (error) failures.push({ index, error });
      else if (spreads) spread.push(index);
      else straight.push(index);
    }
    if (spread.length === 0) return [...failures, ...(await this.#toQueue(batch, straight))];
    if (straight.length === 0) return [...failures, ...(await this.#toPatterns(batch, spread))];
    const unknown = (indexes: readonly number[]) => (error: Error) => indexes.map((index) => ({ index, error }));
    const failed = await Promise.all([
      this.#toQueue(batch, straight).catch(unknown(straight)),
      this.#toPatterns(batch, spread).catch(unknown(spread)),
    ]);
    return [...failures, ...failed.flat()];
  }

  async #toQueue({ outlet, queue, messages }: Batch, indexes: readonly number[]): Promise<PublishFailure[]> {
    const attempt = async (some: readonly number[]): Promise<PublishFailure[]> => {
      const name = await this.#declared(outlet, queue);
      const chosen = some.map((index) => messages[index]!);
      const wayOf = await this.#prepare(chosen);
      const straight = this.#destination(queue, name);
      const sendings = chosen.map((message) => sendingOf(message, straight, wayOf));
      return placed(await outlet.send(queue, sendings), some);
    };
    const failed = await attempt(indexes);
    const homeless = failed.filter(({ error }) => error instanceof Unroutable && !this.topology.routeOf(queue));
    if (homeless.length === 0) return failed;
    // Their queue, or one that they should wait in, was deleted behind our back, so they are nowhere: it is made anew, once.
    outlet.forget(queue);
    this.delays.forget();
    const rest = failed.filter((failure) => !homeless.includes(failure));
    return [...rest, ...(await attempt(homeless.map(({ index }) => index)))];
  }

  /**
   * What no pattern matches goes to the queue of its name. That queue is not bound: its consumer does so, and one without any
   * would gather all that comes later, too.
   */
  async #toPatterns(batch: Batch, indexes: readonly number[]): Promise<PublishFailure[]> {
    const { outlet, queue, messages } = batch;
    const chosen = indexes.map((index) => messages[index]!);
    const wayOf = await this.#prepare(chosen);
    const ways = chosen.map(({ spread, delay = 0 }) => this.topology.patterns!.wayOf(spread!, delay, wayOf));
    const sendings = chosen.map((message, n) => sendingOf(message, ways[n]!));
    const failed = placed(await outlet.sendBound(queue, sendings), indexes);
    const unmatched = failed.filter(({ error }) => error instanceof Unroutable).map(({ index }) => index);
    if (unmatched.length === 0) return failed;
    const rest = failed.filter(({ index }) => !unmatched.includes(index));
    return [...rest, ...(await this.#toQueue(batch, unmatched))];
  }

  #spreads(queue: string, { spread }: Outgoing): boolean {
    const { patterns } = this.topology;
    return spread !== undefined && patterns !== undefined && !this.topology.routeOf(queue);
  }

  async #prepare(messages: readonly Outgoing[]): Promise<WayOf | undefined> {
    const longest = messages.reduce((most, { delay = 0 }) => Math.max(most, delay), 0);
    return longest > 0 ? this.delays.prepare(longest) : undefined;
  }

  async #open(): Promise<RabbitOutlet> {
    const { connection, topology } = this;
    await connection
      .apart((channel) => topology.declare(channel))
      .catch((error: Error) => {
        throw channelError(connection.address, 'of `exchanges` or `bindings`', error);
      });
    const model = await connection.use();
    const channel = await connection.answer(model.createConfirmChannel());
    connection.checkAlive(model);
    return new RabbitOutlet(connection, channel, () => {
      this.#opening = undefined;
      this.delays.forget();
    });
  }

  #refusal(queue: string, { priority = 0, delay = 0 }: Outgoing): Error | undefined {
    const { quorum, priorities } = this.topology;
    if (priority > priorities && !quorum)
      return driverError(
        'FUNQ_RABBITMQ_PRIORITY',
        `priority ${priority} for ${queue}: queues of this broker have priorities 0 to ${priorities}; set \`priorities\``,
      );
    if (delay > 0 && this.topology.routeOf(queue))
      return driverError(
        'FUNQ_RABBITMQ_ROUTE',
        `a delay of ${delay} ms for ${queue}: that is one of \`routes\` and no queue, and only queues wait; publish when it is due`,
      );
    if (delay <= LONGEST_DELAY) return undefined;
    const days = Math.floor(LONGEST_DELAY / 86_400_000);
    return driverError(
      'FUNQ_RABBITMQ_DELAY',
      `a delay of ${delay} ms for ${queue}: rabbitmq delays up to ${days} days`,
    );
  }

  /** Resolves to the queue's name on the server. */
  #declared({ declared }: RabbitOutlet, queue: string): Promise<string> {
    let declaring = declared.get(queue);
    if (declaring || this.topology.routeOf(queue)) return declaring ?? Promise.resolve(queue);
    declaring = this.connection
      .apart((channel) => this.topology.declareQueue(channel, queue))
      .catch((error: Error) => {
        declared.delete(queue);
        throw channelError(this.connection.address, queue, error);
      });
    declared.set(queue, declaring);
    return declaring;
  }

  #destination(queue: string, name: string): Destination {
    const route = this.topology.routeOf(queue);
    if (route) return { key: '', ...route };
    // Whoever waits for a reply has given up, or asks again, when the server is back.
    return { exchange: '', key: name, persistent: !queue.startsWith(TRANSIENT_PREFIX) };
  }
}

/** To `straight`, or with `wayOf` by the way of its delay. */
function sendingOf(message: Outgoing, straight: Destination, wayOf?: WayOf): Sending {
  const { id, body, delay = 0, priority, ttl } = message;
  const to = delay > 0 && wayOf ? { ...straight, ...wayOf(delay), waits: true } : straight;
  const { exchange, key, headers = NO_HEADERS, persistent = true, waits = false, mandatory = true } = to;
  const properties = {
    messageId: id,
    persistent,
    priority: priority || undefined,
    // A time to live would end a delay.
    expiration: ttl === undefined || waits ? undefined : Math.max(0, Math.ceil(ttl)),
    headers,
    mandatory,
  };
  return { exchange, key, body, properties };
}

/** Failures by their places in the whole. */
function placed(failed: readonly PublishFailure[], indexes: readonly number[]): PublishFailure[] {
  return failed.map(({ index, error }) => ({ index: indexes[index]!, error }));
}
