import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqPublisher } from 'nestjs-funq';
import { AccountsService } from './accounts.service.js';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks();

const [bookings] = process.argv.slice(2);
if (bookings) {
  const funq = app.get(FunqPublisher);
  for (let number = 1; number <= Number(bookings); number++) {
    for (const account of ['ada', 'edsger', 'grace', 'barbara', 'donald']) {
      // What has one key goes to one partition, and so keeps its order.
      await funq.to(AccountsService, { key: account }).book(account, number, number * 10);
    }
  }
  await app.close();
}
