import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Broker, BrokerFeatures, Delivery, Outgoing, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Requirement } from '../conformance.js';
import type { WorkerModule } from './workers.js';

/** The options of the kit with its defaults, and what the broker says of itself. */
export interface BrokerFacts {
  readonly create: () => Broker;
  readonly features: BrokerFeatures;
  readonly clock: Clock;
  readonly lease: number | false;
  readonly pulse: boolean;
  readonly tolerance: number;
  readonly patience: number;
  readonly keepsPlace: boolean;
  readonly purgesDelayed: boolean;
  readonly topPriority: number;
  readonly partitioned: boolean;
  readonly anyQueueName: boolean;
  readonly counts: boolean;
  readonly purges: boolean;
  readonly refused: Outgoing | undefined;
  readonly restart: (() => Promise<void>) | undefined;
  readonly workers: WorkerModule | undefined;
  readonly soak: number;
  readonly storm: number;
  readonly seed: number;
}

export type BrokerCase = Requirement<BrokerTrial>;

/** Long enough that no lease runs out in a case that is not about leases. */
const CALM = 60_000;

/** What one case works with: a queue of its own and the brokers that it opened. */
export class BrokerTrial {
  readonly queue = `conformance-${randomUUID()}`;
  readonly #brokers = new Set<Broker>();
  readonly #queues = new Set<string>();
  readonly #endings: (() => unknown)[] = [];

  constructor(readonly facts: BrokerFacts) {}

  get clock(): Clock {
    return this.facts.clock;
  }

  /** A new broker object, connected. */
  async open(): Promise<Broker> {
    const broker = this.facts.create();
    this.#brokers.add(broker);
    await broker.connect({ clock: this.clock });
    return broker;
  }

  /** Another way to the same messages: a second connection where several may share a queue, else `broker` itself. */
  async reach(broker: Broker): Promise<Broker> {
    return this.facts.features.shared ? this.open() : broker;
  }

  subscribe(broker: Broker, queue = this.queue, lease = CALM): Promise<Subscription> {
    return broker.subscribe(queue, { prefetch: 1000, lease });
  }

  /** Notes a queue that is to be emptied when the case is over. */
  uses(queue: string): void {
    this.#queues.add(queue);
  }

  /** Publishes texts or ready messages, and insists that each was stored. */
  async publish(broker: Broker, messages: readonly (string | Outgoing)[], queue = this.queue): Promise<void> {
    this.uses(queue);
    const list = messages.map((message) => (typeof message === 'string' ? outgoing(message) : message));
    const failures = await broker.publish(queue, list);
    assert.deepEqual(
      failures,
      [],
      'publish must resolve to the messages that were not stored, and all of these are good',
    );
  }

  /** Receives until `count` messages came, never asking for more than `max` at once. */
  async take(subscription: Subscription, count: number, max = 1000): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    const until = this.clock.monotonic() + this.facts.patience;
    while (taken.length < count) {
      const left = until - this.clock.monotonic();
      if (left <= 0) {
        assert.fail(`${taken.length} of ${count} messages came within ${this.facts.patience} ms: ${shown(taken)}`);
      }
      const asked = Math.min(max, count - taken.length);
      const deliveries = await this.within(left, (signal) => subscription.receive(asked, signal));
      assert.ok(deliveries.length <= asked, `receive(${asked}) gave ${deliveries.length} deliveries`);
      taken.push(...deliveries);
      // A broker that answers without waiting must not keep the clock from going on.
      if (deliveries.length === 0) await this.clock.sleep(0);
    }
    return taken;
  }

  /** Takes and acknowledges. */
  async finish(subscription: Subscription, count: number): Promise<Delivery[]> {
    const taken = await this.take(subscription, count);
    assert.deepEqual(
      await subscription.ack(taken),
      [],
      'ack must resolve to what was no longer ours, and all of it was',
    );
    return taken;
  }

  /** Insists that nothing comes for `ms`. */
  async quiet(subscription: Subscription, ms = 150): Promise<void> {
    const deliveries = await this.within(ms, (signal) => subscription.receive(10, signal));
    assert.deepEqual(texts(deliveries), [], 'nothing more must come');
  }

  /** Gives `run` a signal that aborts after `ms`. */
  async within<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const cancel = this.clock.after(ms, () => limit.abort());
    try {
      return await run(limit.signal);
    } finally {
      cancel();
    }
  }

  /** Waits until `met` says so. */
  async until(what: string, met: () => unknown, patience = this.facts.patience, interval = 10): Promise<void> {
    const end = this.clock.monotonic() + patience;
    while (!(await met())) {
      if (this.clock.monotonic() > end) assert.fail(`${what} took longer than ${patience} ms`);
      await this.clock.sleep(interval);
    }
  }

  /** Called when the case is over, last one first. */
  atEnd(ending: () => unknown): void {
    this.#endings.unshift(ending);
  }

  /** Leaves nothing behind. What a broken broker does here must not hide what its case found, so no error is told. */
  async close(): Promise<void> {
    for (const ending of this.#endings) await Promise.resolve(ending()).catch(() => {});
    const cleaner = this.facts.create();
    this.#brokers.add(cleaner);
    if (cleaner.purge && (this.facts.features.durable || this.facts.features.shared)) {
      for (const broker of this.#brokers) if (broker !== cleaner) await broker.close().catch(() => {});
      await cleaner.connect({ clock: this.clock }).catch(() => {});
      for (const queue of this.#queues) await cleaner.purge(queue).catch(() => {});
    }
    for (const broker of this.#brokers) await broker.close().catch(() => {});
  }
}

export function outgoing(text: string, extra: Partial<Outgoing> = {}): Outgoing {
  return { id: randomUUID(), body: Buffer.from(text), ...extra };
}

export const textOf = (delivery: Delivery): string => Buffer.from(delivery.body).toString();

export const texts = (deliveries: readonly Delivery[]): string[] => deliveries.map(textOf);

/** `prefix1` to `prefix<count>`. */
export const numbered = (count: number, prefix = 'm'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** Insists on the same texts in any order, each as often. */
export function sameTexts(seen: readonly string[], expected: readonly string[], message?: string): void {
  assert.deepEqual(seen.toSorted(), expected.toSorted(), message);
}

const shown = (deliveries: readonly Delivery[]): string =>
  texts(deliveries)
    .map((text) => text.slice(0, 20))
    .slice(0, 20)
    .join(', ');
