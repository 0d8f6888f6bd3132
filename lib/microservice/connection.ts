import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import { JsonCodec } from '../core/codec/json.codec.js';
import { Events } from '../core/events.js';
import { ReplySender } from '../core/replies/reply-sender.js';
import { SystemClock } from '../core/system-clock.js';
import { BrokerRegistry, type Route } from '../nest/broker.registry.js';
import type { FunqOptions, FunqSettings } from '../nest/funq.options.js';
import type { FunqStatus, TransportEvents } from './transport.options.js';

/** Who hears how the broker is, and what listeners fail with. */
export interface Watch {
  status(status: FunqStatus): void;
  failed(error: unknown): void;
}

/** A broker in use by a server or a client: what FunqModule gives to an app, where there is no module. */
export class Connection {
  readonly clock: Clock;
  readonly codec: Codec;
  readonly events: Events;
  readonly route: Route;
  /** Answers, and speaks to those that answer. */
  readonly sender: ReplySender;
  readonly #registry: BrokerRegistry;
  /** Queues whose loop has failed and does not work again yet. */
  readonly #failing = new Set<string>();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    options: FunqOptions,
    readonly settings: FunqSettings,
    private readonly watch: Watch,
  ) {
    this.clock = options.clock ?? new SystemClock();
    this.codec = options.codec ?? new JsonCodec();
    this.events = new Events((error) => watch.failed(error));
    const { clock, codec, events } = this;
    events.on('brokerError', ({ queue }) => {
      this.#failing.add(queue);
      watch.status('disconnected');
    });
    events.on('recovered', ({ queue }) => {
      this.#failing.delete(queue);
      if (this.#failing.size === 0) watch.status('connected');
    });
    this.#registry = new BrokerRegistry(options, settings, clock, codec, events, { explore: () => undefined });
    this.route = this.#registry.get('default', 'the transport');
    const { outbox } = this.route;
    this.sender = new ReplySender({ outbox, codec, clock, events, maxPayload: settings.maxPayload });
  }

  /** Single-flight; one that failed may be tried again. Rejects with `FUNQ_CLOSED` after {@link close}. */
  open(): Promise<void> {
    if (this.#closing) this.#opening = undefined;
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#registry.onApplicationShutdown();
    this.watch.status('disconnected');
  }

  async #open(): Promise<void> {
    let away = false;
    const ended = this.events.on('away', () => (away = true));
    await this.#registry.onModuleInit().finally(ended);
    if (!away) return this.watch.status('connected');
    this.watch.status('disconnected');
    const stop = this.events.on('published', () => {
      stop();
      this.watch.status('connected');
    });
  }

  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): void {
    if (event === 'error')
      this.events.on('brokerError', ({ error }) => (listener as TransportEvents['error'])(error as Error));
    else this.events.on(event as Exclude<K, 'error'>, listener as never);
  }
}
