// A process that runs one schedule on a SQLite file and fetches none of its tasks, so that they can be counted.
// Usage: node schedule-worker.mjs <file> <json of the schedule>
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';

const [file, schedule] = process.argv.slice(2);

class Ticks {
  run() {}
}
Consumer({ queue: 'ticks', schedule: JSON.parse(schedule), window: { deny: '00:00-24:00' } })(
  Ticks.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Ticks.prototype, 'run'),
);

class App {}
Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: sqlite({ file }) },
      stores: { coordination: sqliteCoordination({ file }) },
    }),
  ],
  providers: [Ticks],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'fatal'] });
app.enableShutdownHooks();
process.send?.('ready');
