import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FunqModule } from 'nestjs-funq';
import { BROKERS } from '../brokers.js';
import { LedgerWriter } from '../rig/ledger.js';
import { withBreakpoint } from './breakpoint.js';
import { ChaosFunctions, ORDER } from './functions.js';
import type { ProcessOrder } from './order.js';

/** An ordinary application, as a user would write it. */
export function createApp(order: ProcessOrder): Promise<INestApplicationContext> {
  const broker = BROKERS[order.broker]!({ folder: order.folder });
  const funq = FunqModule.forRoot({
    brokers: { default: order.dieAt ? withBreakpoint(broker, order.dieAt) : broker },
    defaults: { lease: order.lease },
    ...(order.maxBlock !== undefined && { maxBlock: order.maxBlock }),
    consume: order.role === 'consumer',
  });

  @Module({
    imports: [funq],
    providers: [
      { provide: ORDER, useValue: order },
      { provide: LedgerWriter, useFactory: () => new LedgerWriter(order.ledger, order.name) },
      ChaosFunctions,
    ],
  })
  class App {}

  return NestFactory.createApplicationContext(App, { logger: ['warn', 'error', 'fatal'] });
}
