// A consumer process that filters equal calls: plain JavaScript on the built library, as a user's process would be.
// Usage: node filter-worker.mjs <folder> <json of the consumer's options>
import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Consumer, FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';

const [folder, options] = process.argv.slice(2);
const file = join(folder, 'funq.db');
const write = (...words) => appendFileSync(join(folder, 'ledger.txt'), `${words.join(' ')}\n`);
let failures = 0;

class Jobs {
  async run(id, ms) {
    write('start', id, process.pid);
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (id === 'fails' && failures++ % 3 < 2) throw new Error(write('failed', id, process.pid));
    write('end', id, process.pid);
  }
}
const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
Consumer({ queue: 'jobs', ...JSON.parse(options) })(Jobs.prototype, 'run', method);

class App {}
const stores = { coordination: sqliteCoordination({ file }) };
Module({ imports: [FunqModule.forRoot({ brokers: { default: sqlite({ file }) }, stores })], providers: [Jobs] })(App);

Logger.overrideLogger(['fatal']);
await NestFactory.createApplicationContext(App, { logger: ['fatal'] });
process.send('ready');
