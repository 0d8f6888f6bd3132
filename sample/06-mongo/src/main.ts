import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqEvents, FUNQ_CODEC, getStoreToken, type Codec } from 'nestjs-funq';
import type { MongoResultStore } from 'nestjs-funq/stores/mongo';
import { AppModule } from './app.module.js';
import { InvoiceService } from './invoice.service.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();

const service = app.get(InvoiceService);
const events = app.get(FunqEvents);
const began = Date.now();

/** Resolves when as many tasks have ended for good. */
function ended(count: number): Promise<void> {
  return new Promise((resolve) => {
    const one = (): void => void (--count === 0 && resolve());
    events.on('done', one);
    events.on('dead', one);
  });
}

const all = ended(100);
for (let n = 1; n < 100; n++) await service.write(`customer ${n}`, n * 100);
await service.write('customer 100', -1);
await all;
console.log(`sent ${await service.sent()} invoices`);

// Records are written in batches, half a second after the first at the latest; closing writes what is left.
const results = app.get<MongoResultStore>(getStoreToken('results'));
const codec = app.get<Codec>(FUNQ_CODEC);
await new Promise((resolve) => setTimeout(resolve, 1000));

const [dead] = await results.query({ queue: 'invoices', status: 'dead', from: began });
console.log(`dead: ${dead?.reason?.replace(/[0-9a-f]{24}/, '<id>')}, after ${dead?.attempts} runs`);
const [last] = await results.query({ queue: 'invoices', status: 'done', from: began, limit: 1 });
console.log(`last: ${String(codec.decodeValue(last!.value!))}`);
for (const { status, count } of await results.counts({ per: 'day', queue: 'invoices' }))
  console.log(`today ${status}: ${count}`);

await app.close();
