import { Module } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { BillingService } from './billing.service.js';
import { shopBroker } from './shop.js';

@Module({
  imports: [FunqModule.forRoot({ brokers: { default: shopBroker() } })],
  providers: [BillingService],
})
export class AppModule {}
