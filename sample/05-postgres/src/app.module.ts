import { Module } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { postgresStores } from 'nestjs-funq/stores/postgres';
import { DatabaseModule, pool } from './database.module.js';
import { MailsService } from './mails.service.js';
import { OrdersService } from './orders.service.js';

@Module({
  imports: [
    DatabaseModule,
    FunqModule.forRoot({ brokers: { default: postgres({ pool }) }, stores: postgresStores({ pool }) }),
  ],
  providers: [MailsService, OrdersService],
})
export class AppModule {}
