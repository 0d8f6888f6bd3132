import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqEvents, FunqPublisher } from 'nestjs-funq';
import { AppModule } from './app.module.js';
import { BillingService } from './billing.service.js';
import type { Order } from './order.js';
import { COUNTRIES, routeOf } from './shop.js';

const ORDERS = 9;

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const [funq, events, billing] = [app.get(FunqPublisher), app.get(FunqEvents), app.get(BillingService)];

const expected = { invoiced: ORDERS, taxed: (ORDERS / COUNTRIES.length) * 2 };
const finished = new Promise<void>((resolve) => {
  events.on('done', () => {
    if (billing.invoiced.size >= expected.invoiced && billing.taxed.size >= expected.taxed) resolve();
  });
});
for (let n = 1; n <= ORDERS; n++) {
  const country = COUNTRIES[n % COUNTRIES.length]!;
  const order: Order = { id: `order-${n}`, country, cents: 100 * n };
  await funq.publish(routeOf(country), [order]);
}
await finished;
console.log(`${billing.invoiced.size} invoices, ${billing.taxed.size} tax reports, ${billing.failures - 1} retry`);
await app.close();
