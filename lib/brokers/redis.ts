import type { Broker } from '../contracts/broker.js';
import { checkedNamespace } from './redis/keys.js';
import type { RedisConnectionOptions } from './redis/options.js';
import { pulseSource } from './redis/pulse.js';
import { RedisQueues } from './redis/queues.js';
import { QUEUE_SCRIPTS } from './redis/scripts.js';
import { RedisSession } from './redis/session.js';
import { RedisSubscription } from './redis/subscription.js';
import { RedisWakes } from './redis/wakes.js';
import { Polling } from './support/polling.js';

export interface RedisOptions extends RedisConnectionOptions {}

/** Milliseconds after which a consumer looks into a quiet queue, though nothing was said of messages. */
const QUIET = 5000;

/**
 * Queues on a Redis server from version 6.2, also Valkey, or a Redis Cluster; over one connection, however many queues.
 *
 * What was published is as safe as the server keeps it: use an append-only file, of which at most the last second is lost when
 * the machine fails (`appendfsync everysec`) or nothing (`always`). A replica that takes over may lack the last messages.
 * The messages of a process that was killed are taken up when its lease has passed, by the server's own clock, and a moment
 * more: a third of the lease, at most a second. A consumer that waits is handed the next message by whoever publishes it, also one
 * whose event loop is blocked just then. While an event loop is blocked, up to `maxBlock`, a thread keeps its messages.
 */
export function redis(options: RedisOptions = {}): Broker {
  const source = pulseSource(options);
  const subscriptions = new Set<RedisSubscription>();
  const session = new RedisSession(options, { scripts: QUEUE_SCRIPTS, kept: 'lasting', name: 'nestjs-funq' });
  const queues = new RedisQueues(session, checkedNamespace(options.namespace));
  const wakes = new RedisWakes(queues.self);

  return {
    kind: 'redis',
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
    required: options.required ?? false,
    connect: (context) => session.connect(context),
    publish: (queue, messages) => queues.publish(queues.keyOf(queue), messages),
    async subscribe(queue, { lease }) {
      const polling = new Polling(session.clock, { interval: QUIET, longest: QUIET });
      const closed = (ended: RedisSubscription): void => void subscriptions.delete(ended);
      const parts = { session, queues, wakes, polling, source, closed };
      const subscription = new RedisSubscription(queue, lease, parts);
      await subscription.start();
      subscriptions.add(subscription);
      return subscription;
    },
    count: (queue) => queues.count(queues.keyOf(queue)),
    purge: (queue) => queues.purge(queues.keyOf(queue)),
    close: async () => {
      await session.close(() => Promise.allSettled([...subscriptions].map((subscription) => subscription.close())));
      wakes.close();
    },
  };
}
