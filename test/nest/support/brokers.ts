import type { Broker, BrokerFeatures, Outgoing, PublishFailure } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';

/** A broker in memory that claims, and has, less. */
export function limited(features: Partial<BrokerFeatures>, options?: Parameters<typeof memory>[0]): Broker {
  const inner = memory(options);
  return { ...inner, kind: 'limited', features: { ...inner.features, ...features } };
}

type Publish = (queue: string, messages: readonly Outgoing[]) => Promise<readonly PublishFailure[]>;

/** A broker in memory whose publishing goes through `publish`; it gets the real thing to call. */
export function publishingBy(publish: (real: Publish) => Publish): Broker {
  const inner = memory();
  return { ...inner, kind: 'wrapped', publish: publish((queue, messages) => inner.publish(queue, messages)) };
}
