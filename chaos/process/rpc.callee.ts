import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Injectable, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { Consumer, FunqModule } from 'nestjs-funq';
import { FunqServer } from 'nestjs-funq/microservice';
import { BROKERS } from '../brokers.js';
import type { ProcessOrder } from './order.js';

export const SEND_PATTERN = 'chaos.send';
export const ASK_QUEUE = 'chaos.ask';
/** The longest, in milliseconds, that an answer takes. */
const LONGEST = 20;
const CONCURRENCY = 100;

@Controller()
class Answers {
  @MessagePattern(SEND_PATTERN, { concurrency: CONCURRENCY })
  async send(question: number): Promise<number> {
    await sleep(Math.random() * LONGEST);
    return -question;
  }
}

@Injectable()
class Functions {
  @Consumer({ queue: ASK_QUEUE, concurrency: CONCURRENCY })
  async ask(question: number): Promise<number> {
    await sleep(Math.random() * LONGEST);
    return -question;
  }
}

/** A service that answers both ways: patterns by its strategy, tasks by its module. */
export async function createCallee({ broker, lease, ...place }: ProcessOrder): Promise<INestMicroservice> {
  const { open } = BROKERS[broker]!;
  @Module({
    imports: [FunqModule.forRoot({ brokers: { default: await open(place) }, defaults: { lease } })],
    controllers: [Answers],
    providers: [Functions],
  })
  class App {}
  const strategy = new FunqServer({ broker: await open(place), defaults: { lease } });
  const app = await NestFactory.createMicroservice(App, { strategy, logger: ['warn', 'error', 'fatal'] });
  await app.listen();
  return app;
}
