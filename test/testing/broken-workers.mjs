import { sqlite } from '../../dist/brokers/sqlite.js';

/** Acknowledges what it hands out at once: whatever a killed process had in hand is lost. */
export function eager(options) {
  const inner = sqlite(options);
  return {
    ...inner,
    async subscribe(queue, settings) {
      const subscription = await inner.subscribe(queue, settings);
      return {
        async receive(max, signal) {
          const deliveries = await subscription.receive(max, signal);
          await subscription.ack(deliveries);
          return deliveries;
        },
        ack: async () => [],
        release: async () => [],
        extend: async () => [],
        close: () => subscription.close(),
      };
    },
  };
}

/** Publishes one message in twenty once more when it is acknowledged. */
export function echoing(options) {
  const inner = sqlite(options);
  let count = 0;
  return {
    ...inner,
    async subscribe(queue, settings) {
      const subscription = await inner.subscribe(queue, settings);
      return {
        receive: (max, signal) => subscription.receive(max, signal),
        release: (deliveries) => subscription.release(deliveries),
        extend: (deliveries) => subscription.extend(deliveries),
        close: () => subscription.close(),
        async ack(deliveries) {
          const echoes = deliveries.filter(() => ++count % 20 === 0).map(({ body }) => ({ id: `echo ${count}`, body }));
          if (echoes.length > 0) await inner.publish(queue, echoes);
          return subscription.ack(deliveries);
        },
      };
    },
  };
}
