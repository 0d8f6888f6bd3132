import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqExceptionFilter, FunqServer } from 'nestjs-funq/microservice';
import { openBroker } from '../broker.js';
import { WorkerModule } from './worker.module.js';

// The strategy alone makes a worker: no FunqModule is needed.
const strategy = new FunqServer({ broker: openBroker(), defaults: { timeout: '10s' } });
const app = await NestFactory.createMicroservice(WorkerModule, { strategy });
app.useGlobalFilters(new FunqExceptionFilter());
app.enableShutdownHooks();
await app.listen();
