import { rabbitmq } from 'nestjs-funq/rabbitmq';
import type { Broker } from 'nestjs-funq';

/** Where the shop publishes its orders; the routing key says where they are from: `order.de`. */
const EXCHANGE = 'funq-sample.shop';

/** Each country that is sold to is a name to publish to. */
export const COUNTRIES = ['de', 'fr', 'us'] as const;

export const routeOf = (country: string): string => `orders.${country}`;

/** Queues that are bound to an exchange, as a company has it where other programs take part. */
export function shopBroker(): Broker {
  return rabbitmq({
    url: process.env['AMQP_URL'] ?? 'amqp://localhost',
    prefix: 'funq-sample.',
    exchanges: { [EXCHANGE]: { type: 'topic' } },
    // Every order is invoiced; only those from the European Union have a tax report.
    bindings: {
      invoices: [{ exchange: EXCHANGE, key: 'order.*' }],
      taxes: ['de', 'fr'].map((country) => ({ exchange: EXCHANGE, key: `order.${country}` })),
    },
    routes: Object.fromEntries(
      COUNTRIES.map((country) => [routeOf(country), { exchange: EXCHANGE, key: `order.${country}` }]),
    ),
  });
}
