import { memory } from '../../brokers/memory.js';
import type { Broker, Delivery } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Traffic } from './traffic.js';

const NOW = AbortSignal.abort();

/**
 * A broker in memory that notes its traffic and, idle, sets no timer: time may pass over it by years. What the broker that
 * it stands in for can't do, it can't either. What is published within a transaction is there at once: it knows of none.
 */
export function testBroker(
  name: string,
  { features: { delay, priority, unique }, publishWithin }: Broker,
  traffic: Traffic,
  codec: Codec,
): Broker {
  const inner = memory();
  const arrivals = new Arrivals();
  let clock: Clock | undefined;

  const broker: Broker = {
    ...inner,
    kind: 'testing',
    features: { ...inner.features, delay, priority, unique, patient: true },
    async connect(context) {
      clock = context.clock;
      await inner.connect(context);
    },
    async publish(queue, messages) {
      const failures = await inner.publish(queue, messages);
      const refused = new Set(failures.map(({ index }) => index));
      traffic.sent(
        name,
        queue,
        refused.size > 0 ? messages.filter((_, index) => !refused.has(index)) : messages,
        codec,
      );
      const waits = new Set(messages.map((message) => message.delay ?? 0));
      for (const wait of waits) {
        if (wait > 0) arrivals.later(clock!, wait, queue);
        else arrivals.tell(queue);
      }
      return failures;
    },
    async subscribe(queue, options) {
      const real = await inner.subscribe(queue, options);
      const closing = new AbortController();
      traffic.consumer(name, queue, 1);
      return {
        async receive(max, signal) {
          for (;;) {
            // A task that publishes itself must not keep those from running who notice.
            await new Promise((resolve) => setImmediate(resolve));
            const deliveries = await real.receive(max, NOW);
            if (deliveries.length > 0 || signal.aborted || closing.signal.aborted) return deliveries;
            await arrivals.next(queue, [signal, closing.signal]);
          }
        },
        async ack(deliveries) {
          const lost = await real.ack(deliveries);
          traffic.settled(name, queue, deliveries.length - lost.length);
          return lost;
        },
        async release(deliveries) {
          const lost: readonly Delivery[] = await real.release(deliveries);
          arrivals.tell(queue);
          return lost;
        },
        async close() {
          if (closing.signal.aborted) return;
          closing.abort();
          traffic.consumer(name, queue, -1);
          await real.close();
          arrivals.tell(queue);
        },
      };
    },
    async purge(queue) {
      const removed = await inner.purge!(queue);
      traffic.settled(name, queue, removed);
      return removed;
    },
    async close() {
      arrivals.close();
      await inner.close();
    },
  };
  return { ...broker, ...(publishWithin && { publishWithin: (_, queue, list) => broker.publish(queue, list) }) };
}

/** Wakes those who wait for messages. */
class Arrivals {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #timers = new Set<() => void>();

  /** Resolves when something may have come, or a signal aborts. */
  next(queue: string, signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(queue) ?? new Set();
      this.#waiting.set(queue, waiting);
      const wake = (): void => {
        waiting.delete(wake);
        for (const signal of signals) signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      for (const signal of signals) signal.addEventListener('abort', wake);
    });
  }

  tell(queue: string): void {
    for (const wake of this.#waiting.get(queue) ?? []) wake();
  }

  later(clock: Clock, ms: number, queue: string): void {
    const cancel = clock.after(ms, () => {
      this.#timers.delete(cancel);
      this.tell(queue);
    });
    this.#timers.add(cancel);
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const queue of this.#waiting.keys()) this.tell(queue);
  }
}
