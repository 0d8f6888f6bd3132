import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, Subscription } from '../../lib/contracts/broker.js';
import { publishing, receiving, textOf, type Alteration } from './altered.js';
import { UNIQUE_DEFECTS } from './broken-unique.js';

export interface Defect extends Alteration {
  readonly defect: string;
  /** The start of the name of a case that must fail. */
  readonly caught: string;
}

/** Defects that the suite must find, each with the case that finds it. */
export const DEFECTS: readonly Defect[] = [
  {
    defect: 'drops a message of a large batch',
    caught: 'publish: a batch of 1,000',
    broker: publishing((messages) => messages.filter((_, index) => index !== 700)),
  },
  {
    defect: 'stores a message of a large batch twice',
    caught: 'publish: a batch of 1,000',
    broker: publishing((messages) => (messages.length > 500 ? [...messages, messages[0]!] : messages)),
  },
  {
    defect: 'merges messages with equal bodies',
    caught: 'publish: equal bodies',
    broker: publishing((messages) => [
      ...new Map(messages.map((message) => [Buffer.from(message.body).toString('hex'), message])).values(),
    ]),
  },
  {
    defect: 'takes bodies for text',
    caught: 'bodies: every body',
    broker: publishing((messages) =>
      messages.map((message) => ({ ...message, body: Buffer.from(Buffer.from(message.body).toString()) })),
    ),
  },
  {
    defect: 'forgets what comes before the first subscription',
    caught: 'publish: what comes before',
    broker: (inner) => ({
      subscribe: async (queue, options) => {
        await inner.purge?.(queue);
        return inner.subscribe(queue, options);
      },
    }),
  },
  {
    defect: 'loses messages when several publish at once',
    caught: 'publish: twenty publishers',
    broker(inner) {
      let busy = false;
      return {
        publish: async (queue, messages) => {
          if (busy) return [];
          busy = true;
          await sleep(1);
          busy = false;
          return inner.publish(queue, messages);
        },
      };
    },
  },
  {
    defect: 'hands out more than max',
    caught: 'receive: never gives more',
    subscription: (inner) => ({ receive: (max, signal) => inner.receive(max + 1, signal) }),
  },
  {
    defect: 'does not wait for messages',
    caught: 'receive: waits for the first',
    subscription: (inner) => ({ receive: (max) => inner.receive(max, AbortSignal.abort()) }),
  },
  {
    defect: 'notices a message late',
    caught: 'receive: waits for the first',
    subscription: (inner) => ({
      receive: async (max, signal) => {
        const deliveries = await inner.receive(max, signal);
        await sleep(600);
        return deliveries;
      },
    }),
  },
  {
    defect: 'notices an abort late',
    caught: 'receive: ends with []',
    subscription: (inner) => ({
      receive: async (max, signal) => {
        const deliveries = await inner.receive(max, signal);
        await sleep(200);
        return deliveries;
      },
    }),
  },
  {
    defect: 'waits for ever on a quiet queue',
    caught: 'receive: answers [] within five seconds',
    subscription: (inner) => ({
      async receive(max, signal) {
        let deliveries: Delivery[] = [];
        while (deliveries.length === 0 && !signal.aborted) deliveries = await inner.receive(max, signal);
        return deliveries;
      },
    }),
  },
  {
    defect: 'loses what came when receive was aborted',
    caught: 'receive: an abort at any moment',
    subscription: (inner) => ({
      async receive(max, signal) {
        const deliveries = await inner.receive(max, new AbortController().signal);
        return signal.aborted ? [] : deliveries;
      },
    }),
  },
  {
    defect: 'hands a message to two subscriptions',
    caught: 'sharing: two subscriptions',
    subscription: receiving((deliveries) => (deliveries.length > 40 ? [...deliveries, deliveries[7]!] : deliveries)),
  },
  { defect: 'acknowledges nothing', caught: 'ack: nothing comes back', subscription: () => ({ ack: async () => [] }) },
  {
    defect: 'rejects a second ack',
    caught: 'ack: twice',
    subscription: (inner) => ({
      async ack(deliveries) {
        const refused = await inner.ack(deliveries);
        if (refused.length > 0) throw new Error('unknown delivery');
        return refused;
      },
    }),
  },
  {
    defect: 'acknowledges all that is held',
    caught: 'ack: in any order',
    subscription(inner) {
      const held: Delivery[] = [];
      return {
        async receive(max, signal) {
          const deliveries = await inner.receive(max, signal);
          held.push(...deliveries);
          return deliveries;
        },
        ack: () => inner.ack(held.splice(0)),
      };
    },
  },
  {
    defect: 'loses what a closed subscription held',
    caught: 'close: what a subscription held',
    subscription(inner) {
      const held: Delivery[] = [];
      return {
        async receive(max, signal) {
          const deliveries = await inner.receive(max, signal);
          held.push(...deliveries);
          return deliveries;
        },
        async close() {
          await inner.ack(held);
          await inner.close();
        },
      };
    },
  },
  {
    defect: 'accepts stale acks',
    caught: 'close: a late ack',
    subscription: (inner) => ({ ack: (deliveries) => inner.ack(deliveries).then(() => []) }),
  },
  {
    defect: 'lets a stale ack remove the message of the new owner',
    caught: 'close: a late ack',
    broker(inner) {
      const owners = new Map<string, { readonly subscription: Subscription; readonly delivery: Delivery }>();
      return {
        async subscribe(queue, options) {
          const subscription = await inner.subscribe(queue, options);
          return {
            ...subscription,
            async receive(max, signal) {
              const deliveries = await subscription.receive(max, signal);
              for (const delivery of deliveries) owners.set(textOf(delivery), { subscription, delivery });
              return deliveries;
            },
            async ack(deliveries) {
              for (const late of deliveries) {
                const owner = owners.get(textOf(late));
                await owner?.subscription.ack([owner.delivery]);
              }
              return subscription.ack(deliveries);
            },
          };
        },
      };
    },
  },
  {
    defect: 'forgets redelivered',
    caught: 'redelivered: counts',
    subscription: receiving((deliveries) => deliveries.map((delivery) => ({ ...delivery, redelivered: 0 }))),
  },
  {
    defect: 'only flags what it says it counts',
    caught: 'redelivered: counts',
    subscription: receiving((deliveries) =>
      deliveries.map((delivery) => ({ ...delivery, redelivered: Math.min(1, delivery.redelivered) })),
    ),
  },
  { defect: 'releases nothing', caught: 'release: another', subscription: () => ({ release: async () => [] }) },
  {
    defect: 'counts a release',
    caught: 'release: is not counted',
    broker(inner) {
      const released = new Map<string, number>();
      return {
        async subscribe(queue, options) {
          const subscription = await inner.subscribe(queue, options);
          return {
            ...subscription,
            async receive(max, signal) {
              const deliveries = await subscription.receive(max, signal);
              return deliveries.map((delivery) => ({
                ...delivery,
                redelivered: delivery.redelivered + (released.get(textOf(delivery)) ?? 0),
              }));
            },
            async release(deliveries) {
              for (const each of deliveries) released.set(textOf(each), (released.get(textOf(each)) ?? 0) + 1);
              return subscription.release(deliveries);
            },
          };
        },
      };
    },
  },
  {
    defect: 'is last in, first out',
    caught: 'order: first in',
    broker: publishing((messages) => messages.toReversed()),
  },
  {
    defect: 'mixes up what comes while others are handled',
    caught: 'order: holds while',
    subscription: receiving((deliveries) => deliveries.toReversed()),
  },
  {
    defect: 'puts what is released at the end',
    caught: 'order: what is released',
    subscription: (inner, queue, broker) => ({
      async release(deliveries) {
        const refused = await inner.ack(deliveries);
        await broker.publish(
          queue,
          deliveries.map(({ body }) => ({ id: 'again', body })),
        );
        return refused;
      },
    }),
  },
  {
    defect: 'ignores priorities',
    caught: 'priority: a higher one',
    broker: publishing((messages) => messages.map((message) => ({ ...message, priority: undefined }))),
  },
  {
    defect: 'turns priorities round',
    caught: 'priority: a later one',
    broker: publishing((messages) =>
      messages.map((message) => ({ ...message, priority: 255 - (message.priority ?? 0) })),
    ),
  },
  {
    defect: 'ignores delays',
    caught: 'delay: never early',
    broker: publishing((messages) => messages.map((message) => ({ ...message, delay: undefined }))),
  },
  {
    defect: 'is late with delays',
    caught: 'delay: never early',
    broker: publishing((messages) =>
      messages.map((message) => ({ ...message, ...(message.delay && { delay: message.delay + 600 }) })),
    ),
  },
  {
    defect: 'counts what is delayed',
    caught: 'delay: holds up nobody',
    broker: (inner) => ({ count: async (queue) => ((await inner.count?.(queue)) ?? 0) + 2 }),
  },
  {
    defect: 'holds up everything behind a delay',
    caught: 'delay: a shorter one',
    broker(inner) {
      let longest = 0;
      return {
        publish: (queue, messages) => {
          for (const { delay = 0 } of messages) longest = Math.max(longest, delay);
          return inner.publish(
            queue,
            messages.map((message) => ({ ...message, delay: longest })),
          );
        },
      };
    },
  },
  {
    defect: 'ignores times to live',
    caught: 'ttl: in time',
    broker: publishing((messages) => messages.map((message) => ({ ...message, ttl: undefined }))),
  },
  {
    defect: 'starts the time to live anew when a message is released',
    caught: 'ttl: runs on',
    subscription: (inner, queue, broker) => ({
      async release(deliveries) {
        const refused = await inner.ack(deliveries);
        await broker.publish(
          queue,
          deliveries.map(({ body }) => ({ id: 'again', body, ttl: 300 })),
        );
        return refused;
      },
    }),
  },
  {
    defect: 'takes names that differ in case for one',
    caught: 'queues: do not see',
    broker: (inner) => ({
      publish: (queue, messages) => inner.publish(queue.toLowerCase(), messages),
      subscribe: (queue, options) => inner.subscribe(queue.toLowerCase(), options),
    }),
  },
  {
    defect: 'cuts long names',
    caught: 'queues: may have every name',
    broker: (inner) => ({
      publish: (queue, messages) => inner.publish(queue.slice(0, 100), messages),
      subscribe: (queue, options) => inner.subscribe(queue.slice(0, 100), options),
    }),
  },
  {
    defect: 'chokes on names with quotes',
    caught: 'queues: may have any name',
    broker: (inner) => ({
      async publish(queue, messages) {
        if (queue.includes("'")) throw new Error('syntax error');
        return inner.publish(queue, messages);
      },
    }),
  },
  {
    defect: 'serves at most 100 queues',
    caught: 'queues: 200 at once',
    broker(inner) {
      const known = new Set<string>();
      return {
        publish: async (queue, messages) => (known.add(queue).size > 100 ? [] : inner.publish(queue, messages)),
      };
    },
  },
  {
    defect: 'counts what is handed out',
    caught: 'count: what waits',
    broker(inner) {
      let published = 0;
      return {
        publish: (queue, messages) => {
          published += messages.length;
          return inner.publish(queue, messages);
        },
        count: async () => published,
      };
    },
  },
  {
    defect: 'purges everything but what is delayed',
    caught: 'purge: removes',
    broker: (inner) => ({
      async purge(queue) {
        const subscription = await inner.subscribe(queue, { prefetch: 1000, lease: 1000 });
        const waiting = await subscription.receive(1000, AbortSignal.abort());
        await subscription.ack(waiting);
        return waiting.length;
      },
    }),
  },
  {
    defect: 'lets one connect more than it closes',
    caught: 'connect: twice',
    broker(inner) {
      let open = 0;
      return {
        connect: (context) => (open++, inner.connect(context)),
        close: async () => (--open > 0 ? undefined : inner.close()),
      };
    },
  },
  {
    defect: 'rejects a second close',
    caught: 'close: twice',
    broker(inner) {
      let closed = false;
      return {
        async close() {
          if (closed) throw new Error('already closed');
          closed = true;
          return inner.close();
        },
      };
    },
  },
  {
    defect: 'rejects a close before connect',
    caught: 'close: of a broker that was never',
    broker(inner) {
      let connected = false;
      return {
        connect: (context) => ((connected = true), inner.connect(context)),
        close: async () => (connected ? inner.close() : Promise.reject(new Error('not connected'))),
      };
    },
  },
  {
    defect: 'lets receive hang when its subscription closes',
    caught: 'close: a subscription that waits',
    subscription: (inner) => ({
      async receive(max, signal) {
        const deliveries = await inner.receive(max, signal);
        return deliveries.length > 0 || signal.aborted ? deliveries : new Promise<never>(() => {});
      },
    }),
  },
  {
    defect: 'lets receive hang when the broker closes',
    caught: 'close: a broker whose subscription',
    subscription: (inner) => ({
      async receive(max, signal) {
        const deliveries = await inner.receive(max, signal);
        return deliveries.length > 0 || signal.aborted ? deliveries : new Promise<never>(() => {});
      },
    }),
  },
  {
    defect: 'closes all subscriptions of a queue with one of them',
    caught: 'close: one subscription leaves',
    broker(inner) {
      const all: Subscription[] = [];
      return {
        async subscribe(queue, options) {
          const subscription = await inner.subscribe(queue, options);
          all.push(subscription);
          return { ...subscription, close: async () => void (await Promise.all(all.map((each) => each.close()))) };
        },
      };
    },
  },
  {
    defect: 'accepts messages after close',
    caught: 'close: later verbs',
    broker: (inner) => ({ publish: (queue, messages) => inner.publish(queue, messages).catch(() => []) }),
  },
  {
    defect: 'answers receive after close',
    caught: 'close: later verbs',
    subscription: (inner) => ({ receive: (max, signal) => inner.receive(max, signal).catch(() => []) }),
  },
  {
    defect: 'hands out one message in two thousand twice',
    caught: 'soak',
    broker(inner) {
      let count = 0;
      return {
        publish: (queue, messages) =>
          inner.publish(
            queue,
            messages.flatMap((message) => (++count % 2000 === 0 ? [message, message] : [message])),
          ),
      };
    },
  },
  {
    defect: 'loses one released message in two hundred',
    caught: 'soak',
    subscription(inner) {
      let count = 0;
      return {
        async release(deliveries) {
          const lost = deliveries.filter(() => ++count % 200 === 0);
          await inner.ack(lost);
          return inner.release(deliveries.filter((delivery) => !lost.includes(delivery)));
        },
      };
    },
  },
  ...UNIQUE_DEFECTS,
];
