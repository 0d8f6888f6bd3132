import type { ConfirmChannel, Message, Options } from 'amqplib';
import type { PublishFailure } from '../../contracts/broker.js';
import { away, driverError } from '../support/driver-error.js';
import type { RabbitConnection } from './connection.js';
import { channelError } from './error.js';

/** Milliseconds without a confirmation after which the connection is given up. */
const CONFIRM = 10_000;
/** Longest, in milliseconds, that a quorum queue may be without a leader, and how often that is looked at. */
const LEADERLESS = 3000;
const LOOK = 10;

/** Where a message goes, and how. */
export interface Destination {
  readonly exchange: string;
  readonly key: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Outlives a restart of the server. Default: true. */
  readonly persistent?: boolean;
  /** It is delayed on its way. */
  readonly waits?: boolean;
  /** As of a `DelayWay`. Default: true. */
  readonly mandatory?: boolean;
}

/** One message as it goes to the server. */
export interface Sending {
  readonly exchange: string;
  readonly key: string;
  readonly body: Uint8Array;
  /** A message that no queue takes is told of by its id: `mandatory`. */
  readonly properties: Options.Publish & { readonly messageId: string; readonly mandatory: boolean };
}

/** No queue took the message. */
export class Unroutable extends Error {}

/** A channel on which every message is confirmed. */
export class RabbitOutlet {
  /** Names of queues on the server, by queue; known to exist, or being declared. */
  readonly declared = new Map<string, Promise<string>>();
  /** By queue that was sent to: until its first message is through. */
  readonly #led = new Map<string, Promise<void>>();
  /** What came back and was not confirmed yet. */
  readonly #returned = new Set<string>();
  #failure: Error | undefined;
  /** Set while the socket takes no more. */
  #draining: Promise<void> | undefined;

  constructor(
    private readonly connection: RabbitConnection,
    private readonly channel: ConfirmChannel,
    closed: () => void,
  ) {
    channel.on('error', (error) => (this.#failure = error));
    channel.on('return', ({ fields, properties }: Message) =>
      this.#returned.add(markOf(fields.exchange, fields.routingKey, String(properties.messageId))),
    );
    channel.once('close', closed);
  }

  close(): Promise<void> {
    return this.connection.answer(this.channel.close());
  }

  /** The queue was deleted: it is declared anew. */
  forget(queue: string): void {
    this.declared.delete(queue);
    this.#led.delete(queue);
  }

  /**
   * Sends all, then waits for each to be confirmed. Resolves to those that were not, with an {@link Unroutable} where no queue
   * took them. Rejects when nothing is known of any.
   */
  async send(queue: string, sendings: readonly Sending[]): Promise<readonly PublishFailure[]> {
    const [head, ...rest] = sendings;
    if (!head) return [];
    const led = this.#led.get(queue);
    if (led) {
      await led;
      return this.#transmit(queue, sendings);
    }
    const leading = this.#lead(queue, head);
    const known = leading.then(
      () => undefined,
      () => void this.#led.delete(queue),
    );
    this.#led.set(queue, known);
    const failed = await leading;
    const also = await this.#transmit(queue, rest).catch((error: Error) => rest.map((_, index) => ({ index, error })));
    return [...failed, ...also.map(({ index, error }) => ({ index: index + 1, error }))];
  }

  /** As {@link send}, to an exchange: what is bound there is ready, and nothing is to be waited for. */
  sendBound(queue: string, sendings: readonly Sending[]): Promise<readonly PublishFailure[]> {
    return this.#transmit(queue, sendings);
  }

  /**
   * The first message goes alone: a quorum queue that another connection just declares is there before it has a leader, and so
   * long the server refuses what it is sent, in whatever order.
   */
  async #lead(queue: string, sending: Sending): Promise<readonly PublishFailure[]> {
    const { clock } = this.connection;
    for (const end = clock.monotonic() + LEADERLESS; ;) {
      const failed = await this.#transmit(queue, [sending]);
      if (!failed.some(({ error }) => isRefusal(error.cause)) || clock.monotonic() >= end) return failed;
      await new Promise<void>((resolve) => void clock.after(LOOK, resolve));
    }
  }

  async #transmit(queue: string, sendings: readonly Sending[]): Promise<readonly PublishFailure[]> {
    const { blocked, address } = this.connection;
    if (blocked) throw away('rabbitmq', address, new Error(`it takes no messages at present: ${blocked}`));
    if (sendings.length === 0) return [];
    const failures: PublishFailure[] = [];
    let [left, lost] = [sendings.length, 0];
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const told = (index: number, answer: Error | null): void => {
      const error = this.#problem(queue, sendings[index]!, answer);
      if (error) failures.push({ index, error });
      if (answer && !isRefusal(answer)) lost++;
      if (--left === 0) finish();
    };
    // In order, also where calls overlap: who began first goes on first.
    while (this.#draining) await this.#draining;
    for (const [index, sending] of sendings.entries()) {
      if (this.#write(sending, (answer) => told(index, answer))) continue;
      await (this.#draining ??= this.connection.answer(this.#drained(), CONFIRM));
    }
    await this.connection.answer(finished, CONFIRM);
    if (lost === sendings.length) throw failures[0]!.error;
    return failures;
  }

  #write({ exchange, key, body, properties }: Sending, told: (answer: Error | null) => void): boolean {
    try {
      const content = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return this.channel.publish(exchange, key, content, properties, told);
    } catch (error) {
      told(error as Error);
      return true;
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.channel.off('drain', go).off('close', go);
        this.#draining = undefined;
        resolve();
      };
      this.channel.on('drain', go).on('close', go);
    });
  }

  #problem(queue: string, { exchange, key, properties }: Sending, answer: Error | null): Error | undefined {
    const { address } = this.connection;
    if (answer && isRefusal(answer))
      return driverError(
        'FUNQ_RABBITMQ_REFUSED',
        `the server refused a message for ${queue}; is the queue full, or without a leader?`,
        answer,
      );
    if (answer) return channelError(address, queue, this.#failure ?? answer);
    if (this.#returned.size === 0 || !this.#returned.delete(markOf(exchange, key, properties.messageId)))
      return undefined;
    return new Unroutable(
      exchange
        ? `no queue is bound to exchange ${exchange} for '${key}', so nobody got a message for ${queue}; bind one`
        : `queue ${key} was deleted on the server`,
    );
  }
}

/** One id may go to several places at once, and only some of them may have no queue. */
const markOf = (exchange: string, key: string, id: string): string => JSON.stringify([exchange, key, id]);

/** Of this one message; the channel goes on. */
const isRefusal = (answer: unknown): boolean => answer instanceof Error && answer.message === 'message nacked';
