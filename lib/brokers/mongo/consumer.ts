import type { Pulse, PulseSource } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { nextBeat } from '../support/sightings.js';
import type { MongoConsumers } from './consumers.js';

export interface MongoConsumerOptions {
  readonly lease: number;
  readonly clock: Clock;
  /** Where another thread can beat; undefined where it can't connect. */
  readonly source: PulseSource | undefined;
  /** It was given up for dead, and is a new one now: old receipts are worth nothing from then on. */
  renewed(): void;
}

/** What the server knows a subscription as: a document under a random id, as long as it shows signs of life. */
export class MongoConsumer {
  #id = '';
  #pulse: Pulse | undefined;
  #beatAt = -Infinity;
  #beating: Promise<void> | undefined;
  /** When the next sign of life is due, as far as any was asked for. */
  #due = Infinity;

  constructor(private readonly options: MongoConsumerOptions) {}

  get id(): string {
    return this.#id;
  }

  get pulse(): Pulse | undefined {
    return this.#pulse;
  }

  /** Milliseconds since the last sign of life. */
  get silence(): number {
    return this.options.clock.monotonic() - this.#beatAt;
  }

  /** A sign of life. One at a time: two would become two new consumers, and the second disown what the first has claimed. */
  beat(consumers: MongoConsumers): Promise<void> {
    return (this.#beating ??= this.#live(consumers).finally(() => (this.#beating = undefined)));
  }

  /** As {@link beat}, begun after this call. */
  async beatAgain(consumers: MongoConsumers): Promise<void> {
    await this.#beating;
    await this.beat(consumers);
  }

  /** From now on another one is expected in time. */
  expectNext(): void {
    const { clock, lease } = this.options;
    this.#due = nextBeat(clock.monotonic(), lease);
  }

  async #live(consumers: MongoConsumers): Promise<void> {
    const { clock, lease, source, renewed } = this.options;
    const now = clock.monotonic();
    if (!this.#id || !(await consumers.beat(this.#id, this.#due))) {
      this.#id = await consumers.register(lease);
      renewed();
      this.#pulse = source && { source, id: this.#id };
    }
    this.#beatAt = now;
  }
}
