import type { Broker, Delivery, Subscription } from 'nestjs-funq';

/** What is called in the middle of a broker's work, where no function of a task gets to. */
export interface Probe {
  /** These were handed out, and the engine does not know yet. */
  received?(deliveries: readonly Delivery[]): void;
  /** The engine is about to acknowledge. */
  acknowledging?(): void;
}

/** The same broker with a probe in it. */
export function probed(broker: Broker, probe: Probe): Broker {
  const watched = (real: Subscription): Subscription => ({
    receive: async (max, signal) => {
      const deliveries = await real.receive(max, signal);
      if (deliveries.length > 0) probe.received?.(deliveries);
      return deliveries;
    },
    ack: (deliveries) => {
      probe.acknowledging?.();
      return real.ack(deliveries);
    },
    release: (deliveries) => real.release(deliveries),
    get pulse() {
      return real.pulse;
    },
    ...(real.extend && { extend: (deliveries) => real.extend!(deliveries) }),
    close: () => real.close(),
  });
  return {
    kind: broker.kind,
    features: broker.features,
    ...(broker.required !== undefined && { required: broker.required }),
    connect: (context) => broker.connect(context),
    publish: (queue, messages) => broker.publish(queue, messages),
    subscribe: async (queue, options) => watched(await broker.subscribe(queue, options)),
    close: () => broker.close(),
  };
}
