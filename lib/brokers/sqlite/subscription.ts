import type { Delivery, Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Attempt, Polling } from '../support/polling.js';
import { nextBeat } from '../support/sightings.js';
import type { SqliteConsumers } from './consumers.js';
import type { SqliteDatabase } from './database.js';
import { sqliteError } from './error.js';
import type { Receipt, SqliteTasks } from './tasks.js';

export interface SqliteSubscriptionParts {
  readonly clock: Clock;
  readonly database: SqliteDatabase;
  readonly tasks: SqliteTasks;
  readonly consumers: SqliteConsumers;
  readonly polling: Polling;
  /** Where another thread can beat; undefined where it can't open the file. */
  readonly source: PulseSource | undefined;
  /** Messages may have become available in `queue`, or in any queue. */
  wake(queue?: string): void;
  closed(subscription: SqliteSubscription): void;
}

export class SqliteSubscription implements Subscription {
  #id = 0;
  /** When the next sign of life is due, as far as any was asked for. */
  #due = Infinity;
  #pulse: Pulse | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    readonly queue: string,
    private readonly lease: number,
    private readonly parts: SqliteSubscriptionParts,
  ) {}

  async start(): Promise<void> {
    await this.parts.database.write(() => this.#stayAlive());
  }

  get pulse(): Pulse | undefined {
    return this.#pulse;
  }

  wake(): void {
    this.parts.polling.wake();
  }

  async receive(max: number, signal: AbortSignal): Promise<Delivery[]> {
    if (this.#closing) throw sqliteError('FUNQ_SQLITE_CLOSED', `The subscription to ${this.queue} is closed`);
    try {
      return await this.parts.polling.receive(() => this.#attempt(max, signal), signal);
    } catch (error) {
      // Gave up because of it; what was not written was not taken.
      if (signal.aborted || this.#closing) return [];
      throw error;
    }
  }

  ack(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    return this.#settle(deliveries, (owner, seqs) => this.parts.tasks.ack(owner, seqs));
  }

  async release(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const lost = await this.#settle(deliveries, (owner, seqs) => this.parts.tasks.release(owner, seqs));
    this.parts.wake(this.queue);
    return lost;
  }

  async extend(deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    if (!this.#closing) await this.parts.database.write(() => this.#closing || this.#stayAlive());
    this.#due = nextBeat(this.parts.clock.monotonic(), this.lease);
    return deliveries.filter((delivery) => this.#closing || receiptOf(delivery).owner !== this.#id);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { database, consumers, polling, wake, closed } = this.parts;
    polling.stop();
    try {
      await database.write(() => consumers.leave(this.#id));
    } finally {
      closed(this);
    }
    wake(this.queue);
  }

  async #attempt(max: number, signal: AbortSignal): Promise<Attempt<Delivery>> {
    const { clock, database, tasks, consumers, wake } = this.parts;
    if (await consumers.sweep(this.lease, () => this.#closing || this.#stayAlive(), signal)) wake();
    const { ready, due } = await database.read(() => tasks.look(this.queue), signal);
    const wait = due - clock.now();
    // Only looked at so far: an idle queue costs the others no lock.
    if (!ready && wait > 0) return { taken: [], next: wait };
    return database.write(() => {
      if (this.#closing) return { taken: [] };
      this.#stayAlive();
      return tasks.claim(this.queue, this.#id, max, clock.now());
    }, signal);
  }

  /** A sign of life, as a new consumer when the old one was given up for dead: its receipts are worth nothing from then on. */
  #stayAlive(): void {
    const { consumers, source } = this.parts;
    if (consumers.beat(this.#id)) return consumers.excuse(this.#due);
    this.#id = consumers.register(this.lease);
    this.#pulse = source && { source, id: this.#id };
  }

  async #settle(
    deliveries: readonly Delivery[],
    change: (owner: number, seqs: readonly number[]) => readonly number[],
  ): Promise<readonly Delivery[]> {
    const good = ({ owner, spent }: Receipt): boolean => owner === this.#id && !spent;
    const receipts = deliveries.map(receiptOf);
    if (!receipts.some(good)) return deliveries;
    const [ours, seqs] = await this.parts.database.write(() => {
      const ours = receipts.filter(good);
      return [new Set(ours), ours.length > 0 ? change(this.#id, ours.map(seqOf)) : []] as const;
    });
    for (const receipt of ours) receipt.spent = true;
    if (seqs.length === deliveries.length) return [];
    const settled = new Set(seqs);
    return deliveries.filter((delivery) => !ours.has(receiptOf(delivery)) || !settled.has(receiptOf(delivery).seq));
  }
}

const receiptOf = (delivery: Delivery): Receipt => delivery.receipt as Receipt;
const seqOf = ({ seq }: Receipt): number => seq;
