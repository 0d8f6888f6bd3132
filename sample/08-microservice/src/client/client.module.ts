import { Module } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { FunqClient } from 'nestjs-funq/microservice';
import { openBroker } from '../broker.js';
import { Customer, SHOP } from './customer.js';

@Module({
  imports: [
    ClientsModule.register([
      { name: SHOP, customClass: FunqClient, options: { broker: openBroker(), timeout: '20s' } },
    ]),
  ],
  providers: [Customer],
})
export class ClientModule {}
