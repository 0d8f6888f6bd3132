import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqServer } from 'nestjs-funq/microservice';
import { AppModule } from './app.module.js';
import { openBroker } from './broker.js';

const app = await NestFactory.create(AppModule);
app.connectMicroservice({ strategy: new FunqServer({ broker: openBroker(), defaults: { retry: 3 } }) });
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
console.log(`listening on ${await app.getUrl()}`);
