import { Module } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { AccountsService } from './accounts.service.js';

const { KAFKA_BROKERS = '127.0.0.1:9092', GROUP = 'bank', PREFIX = '' } = process.env;

@Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: kafka({ brokers: KAFKA_BROKERS, group: GROUP, prefix: PREFIX }) },
      // With bookings on its command line a process only publishes.
      consume: process.argv.length <= 2,
    }),
  ],
  providers: [AccountsService],
})
export class AppModule {}
