import { Module } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { FunqModule } from 'nestjs-funq';
import { FunqClient } from 'nestjs-funq/microservice';
import { openBroker } from './broker.js';
import { Labels } from './labels.js';
import { PARCELS, ParcelsController } from './parcels.controller.js';
import { ParcelsService } from './parcels.service.js';

/** Module, server and client have a broker each: every one opens and closes its own. */
@Module({
  imports: [
    FunqModule.forRoot({ brokers: { default: openBroker() } }),
    ClientsModule.register([{ name: PARCELS, customClass: FunqClient, options: { broker: openBroker() } }]),
  ],
  controllers: [ParcelsController, ParcelsService],
  providers: [Labels],
})
export class AppModule {}
