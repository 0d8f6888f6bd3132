import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from './app.module.js';
import { OrdersService } from './orders.service.js';

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks();
const orders = app.get(OrdersService);
const run = randomUUID().slice(0, 8);

let placed = 0;
for (let n = 1; n <= 10; n++) {
  // More than eight pieces of anything are not to be had.
  const pieces = n % 3 === 0 ? 9 : n % 8;
  await orders.place(`${run}-${n}`, pieces).then(
    () => placed++,
    (error: Error) => console.log(`order ${n}: ${error.message}`),
  );
}

let mailed: string[] = [];
while (mailed.length < placed) {
  await sleep(50);
  mailed = (await orders.mailed()).filter((id) => id.startsWith(run));
}
console.log(`${placed} orders placed, ${mailed.length} confirmed`);
await app.close();
