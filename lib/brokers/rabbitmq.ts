import type { Broker, ConnectContext } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import { RabbitConnection } from './rabbitmq/connection.js';
import { RabbitDelayPlugin, findDelayPlugin } from './rabbitmq/delay-plugin.js';
import { isMissing } from './rabbitmq/error.js';
import { RabbitLadder } from './rabbitmq/ladder.js';
import { RabbitPublisher } from './rabbitmq/publisher.js';
import { RabbitServer, type RabbitServerOptions } from './rabbitmq/server.js';
import { RabbitSubscription } from './rabbitmq/subscription.js';
import { RabbitTopology, type RabbitTopologyOptions } from './rabbitmq/topology.js';
import { driverError, unfit } from './support/driver-error.js';

export type { RabbitServerOptions } from './rabbitmq/server.js';
export type { RabbitBinding, RabbitExchange, RabbitRoute, RabbitTopologyOptions } from './rabbitmq/topology.js';

export interface RabbitOptions extends RabbitServerOptions, RabbitTopologyOptions {
  /** Whether the app can't start while the server is away. Default: false. */
  readonly required?: boolean;
}

/** How often a queue is counted while it moves. */
const COUNTS = 5;

/** Confirmations take as long as the server's disk; more than these under way make nothing faster. */
const PIPELINED = 16;

interface Parts {
  readonly publisher: RabbitPublisher;
  readonly publishing: RabbitConnection;
  readonly consuming: RabbitConnection;
}

/**
 * Queues on RabbitMQ 3.10 or newer, durable and with persistent, confirmed messages. One connection publishes, one consumes.
 *
 * - The connection is the lease. What a process held when its connection ended is handed out again.
 * - A connection on which nothing arrives any more is replaced within ten seconds, by what `receive` and `publish` ask of it and
 *   whatever `heartbeat` is; one that moves on slowly, within a minute. What was fetched ahead over it is handed out again when the
 *   server notices: after two to three heartbeats.
 * - The server closes the channel of a task that takes longer than its `consumer_timeout`, 30 minutes by default: raise it.
 * - An acknowledgement that was on its way when a process was killed may be lost with it: the task is executed again.
 * - Delays are rounded up to 0.1 s and kept in queues `funq.delay.0` …, which all queues share: `purge` does not reach them.
 *   What falls due for a queue that was deleted stays in `funq.undelivered`. The time to live of a delayed message is ignored.
 *   The server's plug-in for delays, more precise and less safe, is used only when asked for: `delays: 'plugin'`.
 * - With `wildcards`: an event that no queue is bound for waits in the queue of its own name, where a wildcard does not find it; so
 *   start a service once before its events are emitted. A delayed one for which none is bound when it falls due stays in
 *   `funq.undelivered`. One that any of several queues refused, because it is full, counts as not stored.
 * - A node of its own that is killed with -9 may come back with a quorum queue that has no leader and answers nobody; seen with
 *   RabbitMQ 3.10. Run three nodes, a newer server, or classic queues.
 * - Quorum queues: what is given back goes to the end as a copy, so that it is not counted; one with a time to live is counted.
 * - Classic queues only mark what was handed out before, so a task that kills its process is never recognized there.
 * - Each queue that is consumed takes a channel, and the server allows 2,047 of them (`channel_max`): 1,000 queues fit.
 * - `count` and `purge` reach what waits in the server and in this process, not what other processes have fetched ahead.
 */
export function rabbitmq(options: RabbitOptions = {}): Broker {
  const server = new RabbitServer(options);
  const topology = new RabbitTopology(options);
  const subscriptions = new Set<RabbitSubscription>();
  let parts: Parts | undefined;
  const open = (clock: Clock): Parts => {
    const publishing = new RabbitConnection(server, clock);
    const ladder = new RabbitLadder((work) => publishing.apart(work));
    const delays = topology.delayPlugin ? new RabbitDelayPlugin(() => findDelayPlugin(server, clock), ladder) : ladder;
    return {
      publishing,
      consuming: new RabbitConnection(server, clock),
      publisher: new RabbitPublisher(publishing, topology, delays),
    };
  };
  const use = (): Parts => {
    if (parts) return parts;
    throw driverError('FUNQ_RABBITMQ_CLOSED', `rabbitmq at ${server.address} is not connected`);
  };
  const of = (queue: string): RabbitSubscription[] => [...subscriptions].filter((each) => each.queue === queue);
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

  return {
    kind: 'rabbitmq',
    features: {
      delay: topology.delays,
      priority: topology.priorities > 0,
      ttl: true,
      unique: false,
      durable: true,
      shared: true,
      ordered: true,
      wildcards: topology.patterns !== undefined,
      pipelined: PIPELINED,
      redelivery: topology.quorum ? 'counted' : 'flagged',
    },
    required: options.required ?? false,
    async connect({ clock }: ConnectContext) {
      parts ??= open(clock);
      await parts.publisher.open();
    },
    async publish(queue, messages) {
      return use().publisher.publish(queue, messages);
    },
    async subscribe(queue, settings) {
      const { consuming: connection, publisher } = use();
      if (topology.routeOf(queue))
        throw unfit(
          'FUNQ_RABBITMQ_ROUTE',
          `${queue} is one of \`routes\` and no queue: consume a queue bound to its exchange`,
        );
      const closed = (ended: RabbitSubscription): void => void subscriptions.delete(ended);
      const subscription = new RabbitSubscription(queue, settings, { connection, publisher, topology, closed });
      await subscription.open();
      subscriptions.add(subscription);
      return subscription;
    },
    async count(queue) {
      const name = topology.nameOf(queue);
      const here = async (): Promise<number> =>
        total(await Promise.all(of(queue).map((subscription) => subscription.waiting())));
      const ready = (): Promise<number> =>
        use()
          .publishing.apart(async (channel) => (await channel.checkQueue(name)).messageCount)
          .catch(noneIfMissing);
      // What moves from there to here meanwhile must not be counted twice, or not at all.
      for (let [before, tries] = [await here(), COUNTS]; ; tries--) {
        const sum = before + (await ready());
        const after = await here();
        if (after === before || tries <= 1) return sum;
        before = after;
      }
    },
    async purge(queue) {
      const name = topology.nameOf(queue);
      const ready = await use()
        .publishing.apart(async (channel) => (await channel.purgeQueue(name)).messageCount)
        .catch(noneIfMissing);
      return ready + total(await Promise.all(of(queue).map((subscription) => subscription.drop())));
    },
    async close() {
      const closing = parts;
      parts = undefined;
      await Promise.allSettled([...subscriptions].map((subscription) => subscription.close()));
      if (server.given) await closing?.publisher.close();
      await Promise.all([closing?.consuming.close(), closing?.publishing.close()]);
    },
  };
}

function noneIfMissing(error: unknown): number {
  if (isMissing(error)) return 0;
  throw error;
}
