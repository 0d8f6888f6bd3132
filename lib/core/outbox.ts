import type { Broker, Outgoing } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import { Batcher } from './batcher.js';
import { withDeadline } from './deadline.js';
import { FunqConfigError, FunqError } from './errors.js';
import type { Events } from './events.js';

export interface OutboxOptions {
  readonly name: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: Events;
  /** Milliseconds that a publish may take. */
  readonly publishTimeout: number;
}

/** The most messages that go to the broker in one call. */
const BATCH = 500;

/** Everything that is published to one broker goes through here: gathered by queue, with a deadline, told as events. */
export class Outbox {
  readonly #queues = new Map<string, Batcher<Outgoing, Error | undefined>>();
  #closed = false;

  constructor(private readonly options: OutboxOptions) {}

  get broker(): Broker {
    return this.options.broker;
  }

  /**
   * Resolves when the broker holds the message. Rejects with `FUNQ_PUBLISH_FAILED`, `FUNQ_PUBLISH_TIMEOUT` (whether it was
   * stored is unknown), `FUNQ_CLOSED`, or `FUNQ_DELAY_UNSUPPORTED` and `FUNQ_FEATURE_UNSUPPORTED` for what the broker can't do.
   */
  publish(queue: string, message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#check(queue, message);
      const stored = (problem: Error | undefined): void => {
        if (problem) reject(this.#failed(queue, problem));
        else resolve();
      };
      this.#batcher(queue).post(message, { resolve: stored, reject });
    });
  }

  /** Resolves when everything under way has been stored or has failed; nothing more is taken afterwards. */
  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((batcher) => batcher.flush()));
    this.#closed = true;
  }

  #batcher(queue: string): Batcher<Outgoing, Error | undefined> {
    let batcher = this.#queues.get(queue);
    if (!batcher) {
      const { pipelined } = this.options.broker.features;
      batcher = new Batcher((messages) => this.#send(queue, messages), BATCH, pipelined);
      this.#queues.set(queue, batcher);
    }
    return batcher;
  }

  async #send(queue: string, messages: readonly Outgoing[]): Promise<readonly (Error | undefined)[]> {
    const { broker, clock, events, name, publishTimeout } = this.options;
    const problems = new Array<Error | undefined>(messages.length);
    try {
      const late = (): Error =>
        new FunqError(
          'FUNQ_PUBLISH_TIMEOUT',
          `broker '${name}' did not confirm a message for ${queue} within ${publishTimeout} ms; it may or may not have been stored`,
        );
      const failures = await withDeadline(clock, publishTimeout, broker.publish(queue, messages), late);
      for (const { index, error, repeated } of failures) if (!repeated) problems[index] = error;
      events.emit('published', { queue, broker: name, count: messages.length - failures.length });
    } catch (error) {
      problems.fill(error as Error);
    }
    for (const error of new Set(problems)) if (error) events.emit('publishFailed', { queue, broker: name, error });
    return problems;
  }

  #check(queue: string, { delay, priority }: Outgoing): void {
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
  feature: 'delay' | 'priority',
  queue: string,
  name: string,
  kind: string,
): FunqConfigError {
  return new FunqConfigError(
    code,
    `${feature} for ${queue}: broker '${name}' (${kind}) has no ${feature}; publish without it, or move the queue to a broker that has, such as sqlite or memory`,
  );
}
