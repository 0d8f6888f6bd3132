import type { Broker, Outgoing } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import { withDeadline } from '../contracts/deadline.js';
import { Batcher, type SendBatch } from './batcher.js';
import { FunqConfigError, FunqError } from './errors.js';
import type { Events } from './events.js';

export interface OutboxOptions {
  readonly name: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  /** Milliseconds that the broker may take. A publish that stands behind a call that hangs takes twice that at most. */
  readonly publishTimeout: number;
}

type Queues = Map<string, Batcher<Outgoing, Error | undefined>>;

/** The most messages that go to the broker in one call. */
const BATCH = 500;

/** Everything that is published to one broker goes through here: gathered by queue, with a deadline, told as events. */
export class Outbox {
  readonly #queues: Queues = new Map();
  /** What is published within a caller's transaction is gathered by itself: a transaction does one thing at a time. */
  readonly #within = new WeakMap<object, Queues>();
  #closed = false;

  constructor(private readonly options: OutboxOptions) {}

  get broker(): Broker {
    return this.options.broker;
  }

  /**
   * Resolves when the broker holds the message. Rejects with `FUNQ_PUBLISH_FAILED`, `FUNQ_PUBLISH_TIMEOUT` (whether it was
   * stored is unknown), `FUNQ_CLOSED`, or `FUNQ_DELAY_UNSUPPORTED` and `FUNQ_FEATURE_UNSUPPORTED` for what the broker can't do.
   * With a `transaction` of the caller it is stored if and when that commits.
   */
  publish(queue: string, message: Outgoing, transaction?: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#check(queue, message, transaction);
      const stored = (problem: Error | undefined): void => {
        if (problem) reject(this.#failed(queue, problem));
        else resolve();
      };
      this.#batcher(queue, transaction).post(message, { resolve: stored, reject });
    });
  }

  /** Nothing more is taken; resolves when everything under way has been stored or has failed. */
  async close(): Promise<void> {
    // First of all: who publishes without end would never let it end.
    this.#closed = true;
    await Promise.all([...this.#queues.values()].map((batcher) => batcher.flush()));
  }

  #batcher(queue: string, transaction?: object): Batcher<Outgoing, Error | undefined> {
    const queues = transaction ? this.#queuesWithin(transaction) : this.#queues;
    let batcher = queues.get(queue);
    if (!batcher) {
      const { pipelined } = this.options.broker.features;
      // Callers come and go, and each has a queue of its own for its replies.
      const idle = (): unknown => queues.delete(queue);
      const send: SendBatch<Outgoing, Error | undefined> = (messages, giveUp) =>
        this.#send(queue, messages, transaction, giveUp);
      batcher = new Batcher(send, BATCH, transaction ? 1 : pipelined, idle);
      queues.set(queue, batcher);
    }
    return batcher;
  }

  #queuesWithin(transaction: object): Queues {
    const queues = this.#within.get(transaction) ?? new Map();
    this.#within.set(transaction, queues);
    return queues;
  }

  async #send(
    queue: string,
    messages: readonly Outgoing[],
    transaction: object | undefined,
    giveUp: (error: unknown) => void,
  ): Promise<readonly (Error | undefined)[]> {
    const { broker, clock, events, name, publishTimeout } = this.options;
    const problems = new Array<Error | undefined>(messages.length);
    try {
      const late = (): Error => {
        const error = new FunqError(
          'FUNQ_PUBLISH_TIMEOUT',
          `broker '${name}' did not confirm a message for ${queue} within ${publishTimeout} ms; it may or may not have been stored`,
        );
        // Who stood behind it all the while has waited as long.
        giveUp(error);
        return error;
      };
      const publishing = transaction
        ? broker.publishWithin!(transaction, queue, messages)
        : broker.publish(queue, messages);
      const failures = await withDeadline(clock, publishTimeout, publishing, late);
      for (const { index, error, repeated } of failures) if (!repeated) problems[index] = error;
      events.emit('published', { queue, broker: name, count: messages.length - failures.length });
    } catch (error) {
      problems.fill(error as Error);
    }
    for (const error of new Set(problems)) if (error) events.emit('publishFailed', { queue, broker: name, error });
    return problems;
  }

  #check(queue: string, { delay, priority }: Outgoing, transaction: object | undefined): void {
    const { broker, name } = this.options;
    if (this.#closed) {
      throw new FunqError(
        'FUNQ_CLOSED',
        `nothing can be published to ${queue}: broker '${name}' is closed, the app is shutting down`,
      );
    }
    if (delay && !broker.features.delay) throw unsupported('FUNQ_DELAY_UNSUPPORTED', 'delay', queue, name, broker.kind);
    if (priority && !broker.features.priority)
      throw unsupported('FUNQ_FEATURE_UNSUPPORTED', 'priority', queue, name, broker.kind);
    if (transaction && !broker.publishWithin)
      throw unsupported('FUNQ_FEATURE_UNSUPPORTED', 'transaction', queue, name, broker.kind, 'postgres');
  }

  #failed(queue: string, error: Error): FunqError {
    if (error instanceof FunqError) return error;
    return new FunqError(
      'FUNQ_PUBLISH_FAILED',
      `broker '${this.options.name}' did not store a message for ${queue}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

function unsupported(
  code: 'FUNQ_DELAY_UNSUPPORTED' | 'FUNQ_FEATURE_UNSUPPORTED',
  feature: 'delay' | 'priority' | 'transaction',
  queue: string,
  name: string,
  kind: string,
  instead = 'sqlite or memory',
): FunqConfigError {
  return new FunqConfigError(
    code,
    `${feature} for ${queue}: broker '${name}' (${kind}) has no ${feature}; publish without it, or move the queue to a broker that has, such as ${instead}`,
  );
}
