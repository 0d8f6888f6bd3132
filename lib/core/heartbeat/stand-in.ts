import type { OpenPulse, PulseConnection, PulseSource } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { RECONNECT, backoff } from '../backoff.js';

/** All that is to be kept alive; sent as a whole at every change. */
export interface Orders {
  /** Milliseconds between two looks at the event loop. */
  readonly period: number;
  readonly sources: readonly SourceOrders[];
}

export interface SourceOrders extends PulseSource {
  /** Tells the source from others with the same module and data. */
  readonly key: number;
  readonly ids: readonly unknown[];
}

export interface StandInOptions {
  readonly clock: Clock;
  /** Milliseconds after which a loop that neither turns nor calls another function counts as dead. */
  readonly maxBlock: number;
  /** A number that changes as long as the event loop turns. */
  turns(): number;
  /** A number that changes as tasks' functions are called: without a turn when one that blocks follows another at once. */
  calls(): number;
  load(module: string): Promise<{ readonly openPulse: OpenPulse }>;
  /** A source, by its key, has been beaten for over a new connection. */
  ready(key: number): void;
  /** A source can't be kept alive; it is tried again after `delay`. Told once until it could be. */
  failed(key: number, error: unknown, delay: number): void;
}

/** The longest, in milliseconds, that opening a source, one beat or closing it may take. */
const DEADLINE = 5000;

/**
 * Beats in place of an event loop that is blocked: from one look without a turn on, and until `maxBlock` has passed since
 * the last turn and the last call of a function. While the loop turns, the engine itself extends its leases and nothing is done
 * here. Counters are compared, never the clocks of two threads.
 */
export class StandIn {
  readonly #sources = new Map<number, Source>();
  #period = 0;
  #stopLooking: () => void = () => undefined;
  #turns: number;
  #calls: number;
  #turnedAt: number;
  #movedAt: number;

  constructor(private readonly options: StandInOptions) {
    this.#turns = options.turns();
    this.#calls = options.calls();
    this.#turnedAt = this.#movedAt = options.clock.monotonic();
  }

  /** Opens what is new at once: when the loop is blocked it is to be ready. */
  follow({ period, sources }: Orders): void {
    const wanted = new Set(sources.map(({ key }) => key));
    for (const [key, source] of this.#sources) if (!wanted.has(key)) void this.#drop(key, source);
    for (const orders of sources) {
      const source = this.#sources.get(orders.key) ?? new Source(orders, this.options);
      this.#sources.set(orders.key, source);
      source.ids = orders.ids;
    }
    if (period !== this.#period) {
      this.#stopLooking();
      this.#period = period;
      this.#stopLooking = this.options.clock.every(period, () => this.#look());
    }
    this.#look();
  }

  async close(): Promise<void> {
    this.#stopLooking();
    await Promise.all([...this.#sources].map(([key, source]) => this.#drop(key, source)));
  }

  #drop(key: number, source: Source): Promise<void> {
    this.#sources.delete(key);
    return source.close();
  }

  #look(): void {
    const now = this.options.clock.monotonic();
    const [turns, calls] = [this.options.turns(), this.options.calls()];
    if (turns !== this.#turns) this.#turnedAt = now;
    if (turns !== this.#turns || calls !== this.#calls) this.#movedAt = now;
    [this.#turns, this.#calls] = [turns, calls];
    const blocked = now - this.#turnedAt >= this.#period;
    const dead = now - this.#movedAt >= this.options.maxBlock;
    for (const source of this.#sources.values()) void source.keep(blocked && !dead);
  }
}

/** One connection, opened again whenever it fails. */
class Source {
  ids: readonly unknown[] = [];
  #connection: PulseConnection | undefined;
  #busy = false;
  #closed = false;
  #failures = 0;
  #notBefore = -Infinity;

  constructor(
    private readonly source: SourceOrders,
    private readonly options: StandInOptions,
  ) {}

  /** Never rejects. A new connection beats at once, to show that it can. */
  async keep(needed: boolean): Promise<void> {
    const { clock, ready, failed } = this.options;
    const { key } = this.source;
    if (this.#busy || this.#closed || clock.monotonic() < this.#notBefore) return;
    this.#busy = true;
    try {
      const isNew = !this.#connection;
      this.#connection ??= await this.#open();
      // What it was to keep has left, and its end is no failure.
      if (this.#closed) return;
      if (needed || isNew) await this.#inTime(this.#connection.beat(this.ids), 'a sign of life');
      this.#failures = 0;
      if (isNew) ready(key);
    } catch (error) {
      if (this.#closed) return;
      const delay = backoff(++this.#failures, RECONNECT);
      this.#notBefore = clock.monotonic() + delay;
      if (this.#failures === 1) failed(key, error, delay);
      await this.#disconnect();
    } finally {
      this.#busy = false;
      if (this.#closed) await this.#disconnect();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#disconnect();
  }

  async #open(): Promise<PulseConnection> {
    const { clock, load } = this.options;
    const { module, data } = this.source;
    const opening = load(module).then(({ openPulse }) => openPulse(data as never, { clock }));
    return this.#inTime(opening, 'opening').catch((error: unknown) => {
      opening.then((abandoned) => abandoned.close()).catch(() => undefined);
      throw error;
    });
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) await this.#inTime(connection.close(), 'closing').catch(() => undefined);
  }

  #inTime<T>(work: Promise<T>, doing: string): Promise<T> {
    const late = (): Error => new Error(`${this.source.module}: ${doing} took longer than ${DEADLINE} ms`);
    return withDeadline(this.options.clock, DEADLINE, work, late);
  }
}
