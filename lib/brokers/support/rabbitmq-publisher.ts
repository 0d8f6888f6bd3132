import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import { TRANSIENT_PREFIX } from '../../contracts/transient.js';
import { driverError } from './driver-error.js';
import type { RabbitConnection } from './rabbitmq-connection.js';
import type { DelayWay, RabbitDelays } from './rabbitmq-delays.js';
import { channelError } from './rabbitmq-error.js';
import { LONGEST_DELAY } from './rabbitmq-ladder.js';
import { RabbitOutlet, Unroutable, type Sending } from './rabbitmq-outlet.js';
import type { RabbitTopology } from './rabbitmq-topology.js';

/** One for all messages: the client makes its own of it, several times faster than of none. */
const NO_HEADERS = Object.freeze({});

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

  async publish(queue: string, messages: readonly Outgoing[]): Promise<readonly PublishFailure[]> {
    const outlet = await this.open();
    const failures: PublishFailure[] = [];
    const good: number[] = [];
    for (const [index, message] of messages.entries()) {
      const error = this.#refusal(queue, message);
      if (error) failures.push({ index, error });
      else good.push(index);
    }
    const attempt = async (indexes: readonly number[]): Promise<PublishFailure[]> => {
      const name = await this.#declared(outlet, queue);
      const longest = indexes.reduce((most, index) => Math.max(most, messages[index]!.delay ?? 0), 0);
      const wayOf = longest > 0 ? await this.delays.prepare(longest) : undefined;
      const sendings = indexes.map((index) => this.#sending(queue, name, messages[index]!, wayOf));
      const failed = await outlet.send(queue, sendings);
      return failed.map(({ index, error }) => ({ index: indexes[index]!, error }));
    };
    const failed = await attempt(good);
    const homeless = failed.filter(({ error }) => error instanceof Unroutable && !this.topology.routeOf(queue));
    if (homeless.length === 0) return [...failures, ...failed];
    // Their queue was deleted behind our back, so they are nowhere: it is made anew, once.
    outlet.forget(queue);
    const rest = failed.filter((failure) => !homeless.includes(failure));
    return [...failures, ...rest, ...(await attempt(homeless.map(({ index }) => index)))];
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

  #sending(queue: string, name: string, message: Outgoing, wayOf?: (delay: number) => DelayWay): Sending {
    const { id, body, delay = 0, priority, ttl } = message;
    const route = this.topology.routeOf(queue);
    const way = delay > 0 && !route ? wayOf?.(delay) : undefined;
    const { exchange, headers = NO_HEADERS } = route ?? way ?? { exchange: '' };
    const properties = {
      messageId: id,
      // Whoever waits for a reply has given up, or asks again, when the server is back.
      persistent: !queue.startsWith(TRANSIENT_PREFIX),
      priority: priority || undefined,
      // A time to live would end a delay.
      expiration: ttl === undefined || way ? undefined : Math.max(0, Math.ceil(ttl)),
      headers,
      mandatory: way?.mandatory ?? true,
    };
    return { exchange, key: route ? (route.key ?? '') : name, body, properties };
  }
}
