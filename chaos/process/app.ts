import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FunqModule, JsonCodec, type Broker } from 'nestjs-funq';
import { BROKERS } from '../brokers.js';
import { LedgerWriter } from '../rig/ledger.js';
import { ChaosFunctions, ORDER } from './functions.js';
import type { ProcessOrder } from './order.js';
import { probed } from './probe.js';

/** An ordinary application, as a user would write it. */
export async function createApp(order: ProcessOrder): Promise<INestApplicationContext> {
  const ledger = new LedgerWriter(order.ledger, order.name);
  const funq = FunqModule.forRoot({
    brokers: { default: await brokerOf(order, ledger) },
    defaults: { lease: order.lease },
    ...(order.maxBlock !== undefined && { maxBlock: order.maxBlock }),
    consume: order.role === 'consumer',
  });

  @Module({
    imports: [funq],
    providers: [{ provide: ORDER, useValue: order }, { provide: LedgerWriter, useValue: ledger }, ChaosFunctions],
  })
  class App {}

  return NestFactory.createApplicationContext(App, { logger: ['warn', 'error', 'fatal'] });
}

async function brokerOf({ broker, dieAt, noteClaims, ...place }: ProcessOrder, ledger: LedgerWriter): Promise<Broker> {
  const real = await BROKERS[broker]!.open(place);
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  if (dieAt) return probed(real, dieAt === 'claim' ? { received: die } : { acknowledging: die });
  if (!noteClaims) return real;
  const codec = new JsonCodec();
  return probed(real, {
    received: (deliveries) => deliveries.forEach(({ body }) => ledger.write('claim', codec.decode(body).id)),
  });
}
