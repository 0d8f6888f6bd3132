import type { Broker, Delivery, Subscription } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import type { Entry } from './memory/lane.js';
import { MemoryQueue } from './memory/queue.js';
import { storeUnique } from './support/unique.js';

export interface MemoryOptions {
  /**
   * The queues to work on. By default a broker has its own. Give one map to several brokers when several applications of
   * one process are to share messages; each then closes its own broker without disturbing the others.
   */
  readonly queues?: MemoryQueues;
}

/** Queues by name; start with an empty map. */
export type MemoryQueues = Map<string, MemoryQueue>;

/**
 * Queues in the memory of this process: as fast as can be, gone with the process.
 *
 * What waits belongs to the queues, not to the connection: `close()` gives back what is unacknowledged and keeps the rest, and
 * `connect()` opens the same queues again. A published message with a `ttl` counts as waiting until its turn comes.
 */
export function memory(options: MemoryOptions = {}): Broker {
  const queues: MemoryQueues = options.queues ?? new Map<string, MemoryQueue>();
  const subscriptions = new Set<Subscription>();
  let clock: Clock | undefined;

  const connected = (): Clock => {
    if (!clock) throw new Error('The memory broker is not connected');
    return clock;
  };
  const open = (name: string): MemoryQueue => {
    const queue = queues.get(name) ?? new MemoryQueue(connected());
    queues.set(name, queue);
    return queue;
  };
  const forget = (name: string): void => {
    if (queues.get(name)?.idle) queues.delete(name);
  };

  return {
    kind: 'memory',
    features: {
      delay: true,
      priority: true,
      ttl: true,
      unique: true,
      durable: false,
      shared: false,
      ordered: true,
      redelivery: 'counted',
    },
    async connect(context) {
      clock ??= context.clock;
    },
    async publish(name, messages) {
      connected();
      const queue = open(name);
      return storeUnique(messages, queue.ids, (stored) => {
        queue.add(stored);
        return [];
      });
    },
    async subscribe(name) {
      connected();
      const subscription = consume(open(name), () => {
        subscriptions.delete(subscription);
        forget(name);
      });
      subscriptions.add(subscription);
      return subscription;
    },
    async count(name) {
      connected();
      return queues.get(name)?.count() ?? 0;
    },
    async purge(name) {
      connected();
      const removed = queues.get(name)?.purge() ?? 0;
      forget(name);
      return removed;
    },
    async close() {
      clock = undefined;
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
    },
  };
}

function consume(queue: MemoryQueue, closed: () => void): Subscription {
  const held = queue.join();
  let open = true;
  /** Settles each delivery that is still held; those that are not are refused. */
  const settle = (deliveries: readonly Delivery[], done?: (entry: Entry) => void): Delivery[] =>
    deliveries.filter((delivery) => {
      const entry = delivery.receipt as Entry;
      if (!held.delete(entry)) return true;
      done?.(entry);
      return false;
    });

  return {
    async receive(max, signal) {
      if (!open) throw new Error('The subscription is closed');
      const deliveries = queue.take(max, held);
      return deliveries.length > 0 ? deliveries : queue.wait(max, held, signal);
    },
    async ack(deliveries) {
      return settle(deliveries);
    },
    async release(deliveries) {
      return settle(deliveries, (entry) => queue.giveBack(entry, entry.redelivered));
    },
    async close() {
      if (!open) return;
      open = false;
      queue.leave(held);
      closed();
    },
  };
}
