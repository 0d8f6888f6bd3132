import { Module } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { Bank } from './bank.js';
import { BillingService } from './billing.service.js';
import { Customers } from './customers.js';

/** Written for a file that several processes share. Nothing in it knows of tests. */
@Module({
  imports: [FunqModule.forRoot({ brokers: { default: sqlite({ file: 'data/billing.db' }) } })],
  providers: [Bank, BillingService, Customers],
})
export class AppModule {}
