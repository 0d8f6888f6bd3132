import type { Broker } from '../contracts/broker.js';
import type { MongoOptions as Options } from './mongo/client.js';
import { MongoConsumers, type ConsumerDocument } from './mongo/consumers.js';
import { MongoInbox } from './mongo/inbox.js';
import { pulseSource } from './mongo/pulse.js';
import { MongoSession } from './mongo/session.js';
import { MongoSubscription } from './mongo/subscription.js';
import { taskCollections } from './mongo/task.js';
import { MongoTasks } from './mongo/tasks.js';
import { Polling, pollingBy } from './support/polling.js';

export interface MongoOptions extends Options {
  /**
   * Milliseconds until a message that another process published is noticed at the latest; 50 by default. Right after messages came
   * it is a fraction of that. What this broker itself publishes is noticed at once.
   */
  readonly pollInterval?: number;
}

/**
 * Queues in a MongoDB database: 4.4 or newer, one server, a replica set or a cluster whose shards do not divide these collections. Needs
 * neither transactions nor change streams: whoever receives looks twice in each `pollInterval`, by an index.
 *
 * A publish resolves when a majority of the servers has it in its journal. The messages of a process that was killed are taken up
 * within a second by any other on its machine, and elsewhere, as those of one that hangs, when its lease has passed. While its event loop is blocked, up to
 * `maxBlock`, a thread keeps its messages over a connection of its own; not with a `connection` that was handed in. Delays and times to
 * live follow the server's clock. Order is exact among publishes of which one began after the other had resolved, short of a failover.
 * A message with all its parts has at most 16 MiB. A server that takes a TLS client for a plain one, or the other way round, may just hang
 * up, and then counts as away.
 */
export function mongo(options: MongoOptions): Broker {
  const { pollInterval = 50 } = options;
  const looks = pollingBy('mongo', pollInterval);
  const source = pulseSource(options);
  const subscriptions = new Set<MongoSubscription>();
  const session = new MongoSession(options, async (opened) => {
    const [collections, consumers] = await Promise.all([
      taskCollections(opened),
      opened.collection<ConsumerDocument>('consumers'),
    ]);
    const tasks = new MongoTasks(collections.tasks, opened.time);
    const inbox = new MongoInbox(collections, opened.time);
    return { tasks, inbox, consumers: new MongoConsumers(consumers, tasks, opened.clock) };
  });
  const wake = (queue?: string, delayed = false): void => {
    for (const subscription of subscriptions) if (!queue || subscription.queue === queue) subscription.wake(delayed);
  };

  return {
    kind: 'mongo',
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
      const failures = await session.run(({ inbox }) => inbox.add(queue, messages));
      wake(
        queue,
        messages.some(({ delay }) => delay),
      );
      return failures;
    },
    subscribe: (queue, { lease }) =>
      session.run(async ({ clock }) => {
        const polling = new Polling(clock, looks);
        const closed = (ended: MongoSubscription): void => void subscriptions.delete(ended);
        const own = { queue, lease, session, clock, polling, pollInterval, source, wake, closed };
        const subscription = new MongoSubscription(own);
        await subscription.start();
        subscriptions.add(subscription);
        return subscription;
      }),
    count: (queue) => session.run(({ tasks }) => tasks.count(queue)),
    purge: (queue) => session.run(({ tasks }) => tasks.purge(queue)),
    close: () =>
      session.close(() => Promise.allSettled([...subscriptions].map((subscription) => subscription.close()))),
  };
}
