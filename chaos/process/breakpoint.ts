import type { Broker, Subscription } from 'nestjs-funq';

/** The same broker, whose process kills itself right after it was handed messages, or right before it acknowledges any. */
export function withBreakpoint(broker: Broker, dieAt: 'claim' | 'ack'): Broker {
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  const mortal = (real: Subscription): Subscription => ({
    receive: async (max, signal) => {
      const deliveries = await real.receive(max, signal);
      if (dieAt === 'claim' && deliveries.length > 0) die();
      return deliveries;
    },
    ack: (deliveries) => {
      if (dieAt === 'ack') die();
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
    connect: (context) => broker.connect(context),
    publish: (queue, messages) => broker.publish(queue, messages),
    subscribe: async (queue, options) => mortal(await broker.subscribe(queue, options)),
    close: () => broker.close(),
  };
}
