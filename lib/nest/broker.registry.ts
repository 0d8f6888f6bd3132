import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { AwayError, Broker, ConnectContext } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import { withDeadline } from '../contracts/deadline.js';
import type { Store } from '../contracts/stores.js';
import { FunqConfigError, FunqError } from '../core/errors.js';
import { Events } from '../core/events.js';
import { Outbox } from '../core/outbox.js';
import { Replies } from '../core/replies/replies.js';
import { ConsumerCatalog } from './consuming/consumer.catalog.js';
import type { FunqOptions, FunqSettings } from './funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_OPTIONS, FUNQ_SETTINGS } from './funq.tokens.js';

const CONNECT_DEADLINE = 30_000;
/** How long the start waits for what is not required. */
const BRIEF_DEADLINE = 5000;
const CLOSE_DEADLINE = 10_000;

/** One broker in use: what is published to it, and who waits for answers over it. */
export interface Route {
  readonly name: string;
  readonly outbox: Outbox;
  readonly replies: Replies;
}

type Openable = Pick<Broker, 'required' | 'connect' | 'close'>;

/** The app's brokers and stores by name: connected before anything is published, closed after everything else has ended. */
@Injectable()
export class BrokerRegistry implements OnModuleInit, OnApplicationShutdown {
  readonly #routes: ReadonlyMap<string, Route>;
  #closed: Promise<void> | undefined;

  constructor(
    @Inject(FUNQ_OPTIONS) private readonly options: FunqOptions,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
    private readonly events: Events,
    @Inject(ConsumerCatalog) private readonly catalog: Pick<ConsumerCatalog, 'explore'>,
  ) {
    this.#routes = new Map(Object.keys(options.brokers).map((name) => [name, this.#route(name)]));
  }

  get names(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** Throws `FUNQ_BROKER_UNKNOWN`, naming those there are. */
  get(name: string, where: string): Route {
    const route = this.#routes.get(name);
    if (route) return route;
    throw new FunqConfigError(
      'FUNQ_BROKER_UNKNOWN',
      `${where}: there is no broker '${name}'; FunqModule has ${this.names.map((known) => `'${known}'`).join(', ')}`,
    );
  }

  async onModuleInit(): Promise<void> {
    if (this.#closed) throw closed();
    this.catalog.explore(); // A consumer that can't work is refused before anything is opened.
    const context = { clock: this.clock };
    const opened = Object.entries(this.options.brokers).map(([name, broker]) =>
      this.#open(`broker '${name}' (${broker.kind})`, broker, context),
    );
    for (const store of this.#stores()) opened.push(this.#open(`store ${store.kind}`, store, context));
    await Promise.all(opened);
    if (this.#closed) throw closed();
  }

  /** Once, however often the app is closed. */
  onApplicationShutdown(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const routes = [...this.#routes.values()];
    await Promise.all(routes.map(({ replies }) => replies.close()));
    await Promise.all(routes.map(({ outbox }) => outbox.close()));
    const closing = [...routes.map(({ outbox }) => outbox.broker), ...this.#stores()];
    const late = (): Error => new FunqError('FUNQ_BROKER_UNAVAILABLE', `closing took longer than ${CLOSE_DEADLINE} ms`);
    await Promise.allSettled(
      [...new Set(closing)].map((each) => withDeadline(this.clock, CLOSE_DEADLINE, each.close(), late)),
    );
  }

  /** One object may be both stores. */
  #stores(): ReadonlySet<Store> {
    const { results, coordination } = this.options.stores ?? {};
    return new Set([results, coordination].filter((store) => store !== undefined));
  }

  async #open(what: string, it: Openable, context: ConnectContext): Promise<void> {
    const { required = true } = it;
    const deadline = required ? CONNECT_DEADLINE : BRIEF_DEADLINE;
    const late = (): Error => Object.assign(new Error(`no answer within ${deadline} ms`), { away: true });
    try {
      // What is open only after the end, however late, is closed again.
      const opening = it.connect(context).then(() => (this.#closed ? it.close() : undefined));
      await withDeadline(this.clock, deadline, opening, late);
    } catch (error) {
      if (!required && (error as Partial<AwayError>).away) return void this.events.emit('away', { what, error });
      throw new FunqError('FUNQ_BROKER_UNAVAILABLE', `${what} can't be opened: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #route(name: string): Route {
    const { codec, clock, events, settings } = this;
    const outbox = new Outbox({
      name,
      broker: this.options.brokers[name]!,
      clock,
      events,
      publishTimeout: settings.publishTimeout,
    });
    const replies = new Replies({ name, outbox, codec, clock, events });
    return { name, outbox, replies };
  }
}

function closed(): FunqError {
  return new FunqError('FUNQ_CLOSED', 'no broker is opened: the app is shutting down');
}
