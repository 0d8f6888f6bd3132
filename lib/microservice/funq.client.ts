import { Logger } from '@nestjs/common';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import type { Broker } from '../contracts/broker.js';
import type { Reply, ReplyAddress } from '../contracts/envelope.js';
import { brief } from '../nest/logging/task.logger.js';
import { readPublishOptions } from '../nest/publishing/publish.options.js';
import { taskMessage, type Sending } from '../nest/publishing/task.message.js';
import { Connection } from './connection.js';
import { FunqRecord } from './funq.record.js';
import { patternKey, patternQueue } from './pattern.queue.js';
import { RemoteCall, type CallListener } from './remote.call.js';
import {
  moduleOptions,
  readClientOptions,
  type FunqClientOptions,
  type FunqStatus,
  type TransportEvents,
} from './transport.options.js';
import { checkSent } from './wildcards.js';

/**
 * Sends messages and events to services over any broker. `send()` is cold: each subscription is a call, and ending it early
 * aborts the handler's signal. `emit()` is hot, and completes when the broker holds the event.
 *
 * @example
 * `ClientsModule.register([{ name: 'SHOP', customClass: FunqClient, options: { broker: redis({ url }) } }])`
 *
 * @publicApi
 */
export class FunqClient extends ClientProxy<TransportEvents> {
  readonly #settings: ReturnType<typeof readClientOptions>;
  readonly #connection: Connection;
  readonly #logger = new Logger('FunqClient');

  /** Throws `FUNQ_OPTION_INVALID` for options that can't work. */
  constructor(private readonly options: FunqClientOptions) {
    super();
    this.#settings = readClientOptions(options);
    this.#connection = new Connection(moduleOptions(options), this.#settings, {
      status: (status) => this._status$.next(status),
      failed: (error) => this.#logger.error(`A listener failed: ${brief(error)}`),
    });
    const { events } = this.#connection;
    events.on('brokerError', ({ error }) => this.#logger.error(`the broker failed: ${brief(error)}`));
    events.on('away', ({ error }) => this.#logger.error(`the broker is away: ${brief(error)}`));
  }

  override get status(): Observable<FunqStatus> {
    return super.status as Observable<FunqStatus>;
  }

  /** Opens the broker; calls and events do so themselves. Rejects when it can't be opened, and tries again when asked again. */
  async connect(): Promise<Broker> {
    await this.#connection.open();
    return this.options.broker;
  }

  /** Calls that wait fail with `FUNQ_CLOSED`. Closes the broker. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  override on<
    K extends keyof TransportEvents = keyof TransportEvents,
    C extends TransportEvents[K] = TransportEvents[K],
  >(event: K, callback: C): void {
    this.#connection.on(event, callback);
  }

  /** The broker. */
  unwrap<T>(): T {
    return this.options.broker as T;
  }

  /** Also logs an event that was not stored: it is often emitted without anybody who listens to its fate. */
  override emit<TResult = unknown, TInput = unknown>(pattern: unknown, data: TInput): Observable<TResult> {
    const fate = super.emit<TResult, TInput>(pattern, data);
    const failed = (error: unknown): void =>
      this.#logger.error(`event ${this.normalizePattern(pattern as string)} was not stored: ${brief(error)}`);
    fate.subscribe({ error: failed });
    return fate;
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const { timeout, maxBuffer } = this.#settings;
    const pattern = this.normalizePattern(packet.pattern as string);
    try {
      const call = new RemoteCall(this.#connection, { pattern, timeout, maxBuffer }, this.#listener(callback));
      this.#send(pattern, packet, call.address).then(
        () => (call.sent = true),
        (error: unknown) => call.fail(error),
      );
      return () => call.cancel();
    } catch (error) {
      callback({ err: error });
      return () => undefined;
    }
  }

  protected async dispatchEvent<T = unknown>(packet: ReadPacket): Promise<T> {
    return (await this.#send(this.normalizePattern(packet.pattern as string), packet)) as T;
  }

  async #send(pattern: string, packet: ReadPacket, reply?: ReplyAddress): Promise<void> {
    checkSent(pattern);
    const queue = patternQueue(pattern, this.#settings.prefix);
    const { outbox } = this.#connection.route;
    // Retries and dead letters go to the queue that they came from; so this first way is the only one that is spread.
    const spread = outbox.broker.features.wildcards && patternKey(pattern, this.#settings.prefix);
    const sending = { queue, ...(reply && { reply }), ...(spread && { pattern, spread }) };
    const { message, transaction } = await this.#message(sending, packet);
    await outbox.publish(queue, message, transaction);
  }

  async #message(to: Omit<Sending, 'args' | 'ttl'>, packet: ReadPacket) {
    const record = packet.data instanceof FunqRecord ? packet.data : new FunqRecord(packet.data as unknown);
    const headers = { ...packet.metadata, ...record.options.headers };
    const options = Object.keys(headers).length > 0 ? { ...record.options, headers } : record.options;
    const { clock, codec } = this.#connection;
    const { maxPayload, timeout } = this.#settings;
    const args = [await this.#written({ ...packet, data: record.data })];
    // Nobody wants a request any more when its caller has given up.
    const sending = { ...to, args, ...(to.reply && { ttl: timeout }) };
    const settings = readPublishOptions(to.queue, options, 0);
    const { message } = taskMessage(sending, settings, { clock, codec, maxPayload });
    return { message, transaction: settings.transaction };
  }

  async #written(packet: ReadPacket): Promise<unknown> {
    const { serializer } = this.options;
    return serializer ? ((await serializer.serialize(packet)) as unknown) : (packet.data as unknown);
  }

  /** Nest's callback as one who hears of a call. What a deserializer takes its time for stays in order. */
  #listener(callback: (packet: WritePacket) => void): CallListener {
    const { deserializer } = this.options;
    let last: Promise<unknown> = Promise.resolve();
    const then = (work: () => unknown): void => {
      if (deserializer) last = last.then(work).catch((error: unknown) => callback({ err: error }));
      else work();
    };
    const read = async ({ value }: Reply): Promise<WritePacket> => deserializer!.deserialize(value);
    return {
      next: (reply) =>
        deserializer
          ? then(async () => {
              const { response } = await read(reply);
              // An outcome without a value is just the end.
              if (response !== undefined || reply.part !== undefined) callback({ response: response as unknown });
            })
          : callback({ response: reply.value }),
      end: () => then(() => callback({ isDisposed: true })),
      fail: (error, reply) =>
        then(async () => {
          const given = reply && 'value' in reply;
          const shown: unknown = given && deserializer ? (await read(reply)).err : reply?.value;
          // Nest takes what is falsy for no error.
          callback({ err: shown || error });
        }),
    };
  }
}
