import type { Broker } from '../contracts/broker.js';
import { CONSUMERS_SCHEMA, SqliteConsumers } from './sqlite/consumers.js';
import { MEMORY, type SqliteFileOptions } from './sqlite/options.js';
import { pulseSource } from './sqlite/pulse.js';
import { SqliteSession } from './sqlite/session.js';
import { SqliteSubscription } from './sqlite/subscription.js';
import { SqliteTasks, TASKS_SCHEMA } from './sqlite/tasks.js';
import { SqliteUnique, UNIQUE_SCHEMA } from './sqlite/unique.js';
import { Polling, pollingBy } from './support/polling.js';
import { storeUnique } from './support/unique.js';

export type { SqliteFileOptions } from './sqlite/options.js';
export type { SqliteHandle, SqliteHandleStatement } from './sqlite/driver.js';

export interface SqliteOptions extends SqliteFileOptions {
  /**
   * Milliseconds until a message that another process published is noticed at the latest; 50 by default. Right after
   * messages came it is a fraction of that. What this broker itself publishes is noticed at once.
   */
  readonly pollInterval?: number;
}

/** Messages removed in one transaction by `purge`, so that it holds up neither this process nor the others. */
const PURGE_STEP = 2000;

/**
 * Queues in one SQLite file, shared by any number of processes on one machine, with Node's own SQLite or the package `libsql`.
 *
 * The messages of a process that was killed are taken up within a second by any other that receives, those of one that
 * hangs when its lease has passed. While its event loop is blocked, up to `maxBlock`, a thread keeps its messages over a
 * connection of its own; not with a `database` that was handed in. The file keeps its largest size; `VACUUM` shrinks it.
 */
export function sqlite(options: SqliteOptions): Broker {
  const { file, pollInterval = 50 } = options;
  const looks = pollingBy('sqlite', pollInterval);
  const lasting = file !== MEMORY;
  const source = pulseSource(options);
  const subscriptions = new Set<SqliteSubscription>();
  const schema = [TASKS_SCHEMA, CONSUMERS_SCHEMA, UNIQUE_SCHEMA].join(';');
  const session = new SqliteSession(options, schema, ({ database, clock }) => {
    const tasks = new SqliteTasks(database);
    return { tasks, unique: new SqliteUnique(database), consumers: new SqliteConsumers(database, tasks, clock) };
  });
  const wake = (queue?: string): void => {
    for (const subscription of subscriptions) if (!queue || subscription.queue === queue) subscription.wake();
  };

  return {
    kind: 'sqlite',
    features: {
      delay: true,
      priority: true,
      ttl: true,
      unique: true,
      durable: lasting,
      shared: lasting,
      ordered: true,
      redelivery: 'counted',
    },
    connect: (context) => session.connect(context),
    async publish(queue, messages) {
      const { database, tasks, unique, clock } = await session.use();
      const failures = await database.write(() => {
        const now = clock.now();
        return storeUnique(messages, unique.idsOf(queue, now), (stored) => tasks.add(queue, stored, now));
      });
      wake(queue);
      return failures;
    },
    async subscribe(queue, { lease }) {
      const parts = await session.use();
      const polling = new Polling(parts.clock, looks);
      const closed = (ended: SqliteSubscription): void => void subscriptions.delete(ended);
      const subscription = new SqliteSubscription(queue, lease, { ...parts, polling, source, wake, closed });
      await subscription.start();
      subscriptions.add(subscription);
      return subscription;
    },
    async count(queue) {
      const { database, tasks, clock } = await session.use();
      return database.read(() => tasks.count(queue, clock.now()));
    },
    async purge(queue) {
      const { database, tasks, clock } = await session.use();
      for (let total = 0; ; await clock.sleep(0)) {
        const removed = await database.write(() => tasks.purge(queue, PURGE_STEP));
        total += removed;
        if (removed < PURGE_STEP) return total;
      }
    },
    close: () =>
      session.close(() => Promise.allSettled([...subscriptions].map((subscription) => subscription.close()))),
  };
}
