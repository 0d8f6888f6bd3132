import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ClientModule } from './client.module.js';
import { Customer } from './customer.js';

const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
const customer = app.get(Customer);
await customer.place({ id: 'A1', customer: 'ada@example.com', items: ['tea', 'pot'] });
console.log('placed A1');
console.log(`price ${await customer.price(['tea', 'pot'])}`);
console.log(await customer.price(['coffee']).catch((error: { message: string }) => `no price: ${error.message}`));
for (const line of await customer.track('A1')) console.log(line);
await app.close();
