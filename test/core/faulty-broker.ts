import type { Broker, BrokerFeatures, Delivery, Subscription } from 'nestjs-funq';

type Around<V extends (...args: never[]) => unknown> = (next: V, ...args: Parameters<V>) => ReturnType<V>;

/** What a test may put around a broker's verbs; each gets the real verb first. */
export interface Faults {
  features?: Partial<BrokerFeatures>;
  publish?: Around<Broker['publish']>;
  subscribe?: Around<Broker['subscribe']>;
  receive?: Around<Subscription['receive']>;
  ack?: Around<Subscription['ack']>;
  release?: Around<Subscription['release']>;
  extend?: (deliveries: readonly Delivery[]) => Promise<readonly Delivery[]>;
  close?: Around<Subscription['close']>;
  lasting?: boolean;
}

/** A real broker whose verbs misbehave as a test says. `faults` may be changed at any time. */
export function faulty(inner: Broker, faults: Faults): Broker {
  const subscription = (real: Subscription): Subscription => {
    const receive: Subscription['receive'] = (max, signal) => real.receive(max, signal);
    const ack: Subscription['ack'] = (list) => real.ack(list);
    const release: Subscription['release'] = (list) => real.release(list);
    const close: Subscription['close'] = () => real.close();
    return {
      receive: (max, signal) => faults.receive?.(receive, max, signal) ?? receive(max, signal),
      ack: (list) => faults.ack?.(ack, list) ?? ack(list),
      release: (list) => faults.release?.(release, list) ?? release(list),
      ...(faults.extend && { extend: (list) => faults.extend!(list) }),
      close: () => faults.close?.(close) ?? close(),
      get lasting() {
        return faults.lasting;
      },
    };
  };
  const publish: Broker['publish'] = (queue, messages) => inner.publish(queue, messages);
  const subscribe: Broker['subscribe'] = async (queue, options) => subscription(await inner.subscribe(queue, options));
  return {
    ...inner,
    features: { ...inner.features, ...faults.features },
    publish: (queue, messages) => faults.publish?.(publish, queue, messages) ?? publish(queue, messages),
    subscribe: (queue, options) => faults.subscribe?.(subscribe, queue, options) ?? subscribe(queue, options),
  };
}
