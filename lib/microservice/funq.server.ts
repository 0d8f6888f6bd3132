import type { CustomTransportStrategy } from '@nestjs/microservices';
import { Server } from '@nestjs/microservices';
import { Counters } from '../core/counters/counters.js';
import { FunqError } from '../core/errors.js';
import { PunctualStore } from '../core/punctual-store.js';
import { Crew } from '../nest/consuming/crew.js';
import { promised } from '../nest/consuming/method.js';
import { TaskLogger, brief } from '../nest/logging/task.logger.js';
import { Presence } from '../nest/presence.js';
import { checkSupported } from '../nest/support.checks.js';
import { Connection } from './connection.js';
import { builtInControls } from './controls.js';
import type { FunqContext } from './funq.context.js';
import { OutcomeWriter } from './outcome.writer.js';
import { patternPolicy } from './pattern.policy.js';
import { patternKey } from './pattern.queue.js';
import { PatternWork, type PatternParts } from './pattern.work.js';
import {
  moduleOptions,
  readServerOptions,
  type FunqServerOptions,
  type FunqStatus,
  type TransportEvents,
} from './transport.options.js';
import { checkServed } from './wildcards.js';

/** Names the transport: `@MessagePattern('sum', FUNQ_TRANSPORT)` leaves a handler out of other servers of the app. @publicApi */
export const FUNQ_TRANSPORT = Symbol('funq');

/**
 * Serves `@MessagePattern()` and `@EventPattern()` from queues of any broker: a message is acknowledged when its handler has
 * succeeded. Every pattern is a queue, and has the options of a consumer: `@EventPattern('paid', { retry: 3, rate: 30 })`.
 *
 * @example
 * `NestFactory.createMicroservice(AppModule, { strategy: new FunqServer({ broker: redis({ url }) }) })`
 *
 * @publicApi
 */
export class FunqServer extends Server<TransportEvents, FunqStatus> implements CustomTransportStrategy {
  /** The engine sees what an event handler failed with. */
  override readonly propagatesEventHandlerErrors = true;
  readonly #settings: ReturnType<typeof readServerOptions>;
  readonly #connection: Connection;
  readonly #log: TaskLogger;
  #crew: Crew | undefined;
  #closed: Promise<void> | undefined;
  /** Somebody listens to the processing of messages. */
  #hooked = false;

  /** Throws `FUNQ_OPTION_INVALID` for options that can't work. */
  constructor(private readonly options: FunqServerOptions) {
    super();
    this.transportId = FUNQ_TRANSPORT;
    this.#settings = readServerOptions(options);
    this.#connection = new Connection(moduleOptions(options), this.#settings, {
      status: (status) => this._status$.next(status),
      failed: (error) => this.logger.error(`A listener failed: ${brief(error)}`),
    });
    const { events, clock } = this.#connection;
    this.#log = new TaskLogger(events, clock);
  }

  /** Calls back with an error when a pattern, its options or the broker can't work. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    let failure: unknown;
    try {
      await this.#start();
    } catch (error) {
      failure = error;
      await this.close();
    }
    if (failure === undefined) callback();
    else callback(failure);
  }

  /** Stops fetching, lets running handlers end for up to `shutdownGrace`, gives back the rest, and closes the broker. */
  close(): Promise<void> {
    return (this.#closed ??= this.#stop());
  }

  /** The engine's events by name, and `error`. */
  on<K extends keyof TransportEvents = keyof TransportEvents, C extends TransportEvents[K] = TransportEvents[K]>(
    event: K,
    callback: C,
  ): void {
    this.#connection.on(event, callback);
  }

  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    this.#hooked = true;
    super.setOnProcessingStartHook(hook);
  }

  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    this.#hooked = true;
    super.setOnProcessingEndHook(hook);
  }

  /** The broker. */
  unwrap<T>(): T {
    return this.options.broker as T;
  }

  async #start(): Promise<void> {
    const crew = this.#enlist();
    this.#log.onModuleInit();
    await this.#connection.open();
    if (this.#closed) throw new FunqError('FUNQ_CLOSED', 'the microservice was closed while it started');
    this.#crew = crew;
    await crew.announce();
    // Also, only a queue that is there gets what is spread.
    await crew.join();
    crew.start();
  }

  async #stop(): Promise<void> {
    await this.#crew?.stop();
    await this.#connection.close();
    this.#log.onModuleDestroy();
  }

  /** A worker for each pattern. */
  #enlist(): Crew {
    const { broker, stores, defaults, serializer, deserializer } = this.options;
    const settings = this.#settings;
    const connection = this.#connection;
    const { clock, codec, events } = connection;
    const patterns = [...this.messageHandlers].map(([pattern, handler]) => {
      checkServed(pattern, settings.prefix, broker);
      const policy = patternPolicy(pattern, handler, defaults, settings.prefix);
      checkSupported(policy, broker, stores);
      return { pattern, handler, policy };
    });
    const queues = new Set(patterns.map(({ policy }) => policy.queue));
    const counters = new Counters(events, clock, (_broker, queue) => queues.has(queue));
    const coordination = stores?.coordination && new PunctualStore(stores.coordination, clock);
    const presence = new Presence(coordination, clock, events, counters);
    const controls = builtInControls({ connection, settings, results: stores?.results, coordination, presence });
    const writer = new OutcomeWriter(serializer);
    const { maxBuffer } = settings;
    const within: PatternParts['within'] = (context, call) => this.#within(context, call);
    const parts: PatternParts = { connection, controls, writer, maxBuffer, deserializer, within };
    const crew = new Crew({ settings, controls, clock, codec, events, counters, presence });
    for (const { pattern, handler, policy } of patterns) {
      const work = new PatternWork(parts, pattern, handler, policy);
      crew.add(policy, connection.route.outbox, {
        findable: settings.currentTask,
        invoke: (task) => work.invoke(task),
        write: (outcome, task) => writer.write(outcome, task),
        ...(broker.features.wildcards && { pattern: patternKey(pattern, settings.prefix) }),
      });
    }
    return crew;
  }

  /** A start hook need not hand on what `done` comes to. One that fails before it has called `done` fails the run. */
  #within<T>(context: FunqContext, call: () => Promise<T>): Promise<T> {
    if (!this.#hooked) return call();
    return new Promise((resolve, reject) => {
      let begun = false;
      const done = async (): Promise<void> => {
        begun = true;
        await promised(call).then(resolve as (value: unknown) => void, reject);
        this.#hook(() => this.onProcessingEndHook?.(FUNQ_TRANSPORT, context));
      };
      const start = (): unknown => this.onProcessingStartHook(FUNQ_TRANSPORT, context, done);
      this.#hook(start, (error) => !begun && reject(error as Error));
    });
  }

  #hook(hook: () => unknown, failed?: (error: unknown) => void): void {
    promised(hook).catch((error: unknown) => {
      this.logger.error(`A processing hook failed: ${brief(error)}`);
      failed?.(error);
    });
  }
}
