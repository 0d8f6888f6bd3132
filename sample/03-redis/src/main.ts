import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FunqPublisher } from 'nestjs-funq';
import { AppModule } from './app.module.js';
import { CrawlerService } from './crawler.service.js';

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks();

const [start] = process.argv.slice(2);
if (start) await app.get(FunqPublisher).to(CrawlerService).visit(start);
