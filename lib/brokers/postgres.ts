import type { Broker } from '../contracts/broker.js';
import { PostgresConsumers } from './postgres/consumers.js';
import { channelOf, PostgresListener } from './postgres/listener.js';
import { targetOf, type PostgresOptions } from './postgres/options.js';
import { pulseSource } from './postgres/pulse.js';
import { BROKER } from './postgres/schema.js';
import { PostgresSession } from './postgres/session.js';
import { PostgresSubscription } from './postgres/subscription.js';
import { PostgresTasks } from './postgres/tasks.js';
import { inTransaction } from './postgres/transaction.js';
import { Polling, pollingBy } from './support/polling.js';

export type { PostgresOptions } from './postgres/options.js';

export interface PostgresBrokerOptions extends PostgresOptions {
  /**
   * Milliseconds until a message is noticed at the latest where no notification tells of it, as behind a pgbouncer that pools
   * transactions; 1000 by default. Right after messages came it is a fraction of that.
   */
  readonly pollInterval?: number;
}

/** Messages removed in one statement by `purge`, so that it holds up nobody. */
const PURGE_STEP = 2000;

/**
 * Queues in tables of a PostgreSQL database, 12 or newer, with the package `pg`. Tables are made when they are missing.
 *
 * A message is as safe as a commit. Up to five connections, one of them to be notified and besides one of a thread while something
 * is consumed. The messages of a process that died are taken up when its lease has passed; so long also those of one that
 * hangs. `publish(…, { transaction: client })` stores a message with the caller's own transaction: it is there if and when that
 * commits. A transaction that stays open for hours slows down every queue, for PostgreSQL can't remove what it may still see.
 */
export function postgres(options: PostgresBrokerOptions = {}): Broker {
  const looks = pollingBy('postgres', options.pollInterval ?? 1000);
  const target = targetOf(options);
  const channel = channelOf(target.schema);
  const source = pulseSource(target);
  const subscriptions = new Set<PostgresSubscription>();
  const heard = (queue?: string): void => {
    for (const subscription of subscriptions) if (!queue || subscription.queue === queue) subscription.wake();
  };
  const own = (queues: readonly string[]): number[] =>
    [...subscriptions].filter(({ queue }) => queues.includes(queue)).map(({ id }) => id);
  const session = new PostgresSession(options, [BROKER], ({ database, clock }) => ({
    tasks: new PostgresTasks(database),
    consumers: new PostgresConsumers(database, channel, clock, own),
    listener: new PostgresListener(database, clock, heard),
  }));
  const wake = (consumers: PostgresConsumers, queues: readonly string[]): void => {
    for (const queue of queues) heard(queue);
    consumers.wake(queues);
  };

  return {
    kind: 'postgres',
    required: options.required ?? false,
    features: {
      delay: true,
      priority: true,
      ttl: true,
      unique: true,
      durable: true,
      shared: true,
      ordered: true,
      redelivery: 'counted',
    },
    connect: (context) => session.connect(context),
    async publish(queue, messages) {
      const { tasks, consumers } = await session.use();
      const failures = await tasks.add(queue, messages);
      wake(consumers, [queue]);
      return failures;
    },
    async publishWithin(transaction, queue, messages) {
      const { tasks } = await session.use();
      const run = inTransaction(transaction, target.address);
      const failures = await tasks.add(queue, messages, run);
      // Told when it commits, and only then.
      await run({ text: 'SELECT pg_notify($1, $2)' }, [channel, queue]);
      return failures;
    },
    async subscribe(queue, { lease }) {
      const { consumers, ...parts } = await session.use();
      const subscription = new PostgresSubscription(queue, lease, {
        ...parts,
        consumers,
        source,
        polling: new Polling(parts.clock, looks),
        wake: (queues) => wake(consumers, queues),
        closed: (ended) => void subscriptions.delete(ended),
      });
      subscriptions.add(subscription);
      await subscription.start().catch((error: unknown) => {
        subscriptions.delete(subscription);
        throw error;
      });
      return subscription;
    },
    async count(queue) {
      const { tasks } = await session.use();
      return tasks.count(queue);
    },
    async purge(queue) {
      const { tasks } = await session.use();
      for (let total = 0; ;) {
        const removed = await tasks.purge(queue, PURGE_STEP);
        total += removed;
        if (removed < PURGE_STEP) return total;
      }
    },
    close: () =>
      session.close(async (opened) => {
        await Promise.allSettled([...subscriptions].map((subscription) => subscription.close()));
        await opened.listener.close();
      }),
  };
}
