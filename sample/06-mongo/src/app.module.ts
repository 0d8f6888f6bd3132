import { Module } from '@nestjs/common';
import { MongooseModule, getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { FunqModule } from 'nestjs-funq';
import { mongo } from 'nestjs-funq/mongo';
import { mongoCoordination, mongoResults } from 'nestjs-funq/stores/mongo';
import { Invoice, InvoiceSchema } from './invoice.schema.js';
import { InvoiceService } from './invoice.service.js';

/** One connection for the app's models, the queues and the stores. */
@Module({
  imports: [
    MongooseModule.forRoot(process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/funq-sample'),
    MongooseModule.forFeature([{ name: Invoice.name, schema: InvoiceSchema }]),
    FunqModule.forRootAsync({
      inject: [getConnectionToken()],
      useFactory: (connection: Connection) => ({
        brokers: { default: mongo({ connection }) },
        stores: { results: mongoResults({ connection }), coordination: mongoCoordination({ connection }) },
      }),
    }),
  ],
  providers: [InvoiceService],
})
export class AppModule {}
