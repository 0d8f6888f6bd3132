import type { Broker, Delivery, Subscription } from '../../lib/contracts/broker.js';

/** What is done differently. Everything else goes to the broker behind. */
export interface Alteration {
  broker?(inner: Broker): Partial<Broker>;
  subscription?(inner: Subscription, queue: string, broker: Broker): Partial<Subscription>;
}

/** A broker that does some things differently from the one behind it. */
export function altered(inner: Broker, { broker, subscription }: Alteration): Broker {
  const outer: Broker = {
    ...inner,
    subscribe: async (queue, options) => {
      const behind = await inner.subscribe(queue, options);
      const own = subscription?.(behind, queue, inner) ?? {};
      // Not by assignment: a property that is asked for at each look stays one.
      return Object.defineProperties(bound(behind), Object.getOwnPropertyDescriptors(own));
    },
    ...broker?.(inner),
  };
  return outer;
}

/** A subscription's verbs as an object of their own; those of a class are not copied by spreading. */
export function bound(inner: Subscription): Subscription {
  return {
    receive: (max, signal) => inner.receive(max, signal),
    ack: (deliveries) => inner.ack(deliveries),
    release: (deliveries) => inner.release(deliveries),
    ...(inner.extend && { extend: (deliveries: readonly Delivery[]) => inner.extend!(deliveries) }),
    get pulse() {
      return inner.pulse;
    },
    close: () => inner.close(),
  };
}

export const textOf = ({ body }: Delivery): string => Buffer.from(body).toString();

/** Changes what `receive` hands on. */
export const receiving =
  (change: (deliveries: Delivery[]) => Delivery[]): Alteration['subscription'] =>
  (inner) => ({ receive: async (max, signal) => change(await inner.receive(max, signal)) });

/** Changes what `publish` is given. */
export const publishing =
  (change: (messages: Parameters<Broker['publish']>[1]) => Parameters<Broker['publish']>[1]): Alteration['broker'] =>
  (inner) => ({ publish: (queue, messages) => inner.publish(queue, change(messages)) });
