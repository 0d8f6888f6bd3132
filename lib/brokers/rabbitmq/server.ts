import type { ChannelModel, SocketOptions } from 'amqplib';
import { driverError, maskedAddress, unfit } from '../support/driver-error.js';

export interface RabbitServerOptions {
  /**
   * `amqp://user:password@host:5672/vhost`, or `amqps:` for TLS; several for the nodes of a cluster, tried in turn.
   * Default: `amqp://localhost`.
   */
  readonly url?: string | readonly string[] | undefined;
  /** Options of Node's `tls.connect` and `net.connect`, and amqplib's own: `ca`, `cert`, `key`, `credentials` … */
  readonly socket?: SocketOptions;
  /**
   * Seconds; 30 by default. The connection is the lease: the server gives a process up when it was silent for two to three of
   * these, so an event loop may be blocked for one and a half, 45 seconds by default, without its tasks being handed out again. A
   * process that was killed is noticed at once, whatever stands here; a machine that vanished after two to three.
   */
  readonly heartbeat?: number;
  /** A connection of amqplib that is used instead of own ones, and left open on `close()`. It is not opened anew when it ends. */
  readonly connection?: ChannelModel;
}

const OLDEST = [3, 10] as const;

/** Where the server is, and whether it will do. */
export class RabbitServer {
  readonly #urls: readonly string[];
  readonly #addresses: readonly string[];
  #at = 0;

  constructor(private readonly options: RabbitServerOptions) {
    const { url = 'amqp://localhost', heartbeat = 30 } = options;
    if (!(heartbeat >= 1 && heartbeat <= 3600))
      throw driverError(
        'FUNQ_RABBITMQ_OPTIONS',
        `rabbitmq: \`heartbeat\` is ${heartbeat}, but must be 1 to 3600 seconds`,
      );
    const { connection } = options;
    if (connection && typeof connection.createConfirmChannel !== 'function')
      throw driverError(
        'FUNQ_RABBITMQ_OPTIONS',
        'rabbitmq: `connection` is none of amqplib; give it what amqplib.connect() resolves to, or `url` for an address',
      );
    this.#urls = [url].flat().map((each) => withHeartbeat(each, heartbeat));
    this.#addresses = this.#urls.map((each) => maskedAddress(each.replace(/\?.*$/, '')));
    if (this.#urls.length === 0) throw driverError('FUNQ_RABBITMQ_OPTIONS', 'rabbitmq: `url` is an empty list');
  }

  get given(): ChannelModel | undefined {
    return this.options.connection;
  }

  /** For messages: without password and parameters. */
  get address(): string {
    return this.#addresses[this.#at]!;
  }

  /** What to connect to. */
  get current(): { readonly url: string; readonly socket: SocketOptions | undefined } {
    return { url: this.#urls[this.#at]!, socket: this.options.socket };
  }

  /** This one can't be had: the next one may. */
  turn(): void {
    this.#at = (this.#at + 1) % this.#urls.length;
  }

  /** Throws when the server is too old. One of another make that speaks the protocol is taken at its word. */
  check(model: ChannelModel): void {
    const { product, version } = model.connection.serverProperties;
    const [major = 0, minor = 0] = String(version).split('.').map(Number);
    if (product !== 'RabbitMQ' || major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
    throw unfit(
      'FUNQ_RABBITMQ_VERSION',
      `rabbitmq at ${this.address} is version ${version}; ${OLDEST.join('.')} or newer is needed`,
    );
  }
}

function withHeartbeat(text: string, heartbeat: number): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^amqps?:$/.test(url.protocol))
    throw driverError(
      'FUNQ_RABBITMQ_OPTIONS',
      `rabbitmq: \`url\` is '${maskedAddress(text)}', but must be like amqp://user:password@host:5672/vhost, or amqps: for TLS`,
    );
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(heartbeat));
  return url.href;
}
