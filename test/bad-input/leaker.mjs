// A consumer process for the tests: plain JavaScript on the built library, as a user's process would be.
// Usage: node leaker.mjs <folder> <how the task 'leaky' leaks its error: timer, rejection, emitter or not>
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Consumer, FunqEvents, FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';

const [folder, how] = process.argv.slice(2);

const LEAKS = {
  timer: () => setTimeout(() => { throw new Error('leaked later'); }, 5), // prettier-ignore
  rejection: () => void Promise.resolve().then(() => { throw new Error('leaked later'); }), // prettier-ignore
  emitter: () => setImmediate(() => new EventEmitter().emit('error', new Error('leaked later'))),
  not: () => undefined,
};

class Jobs {
  async run(id) {
    if (id === 'leaky') LEAKS[how]();
    await new Promise((resolve) => setTimeout(resolve, id === 'leaky' ? 0 : 20));
    appendFileSync(join(folder, 'ledger.txt'), `${id}\n`);
  }
}
Consumer({ queue: 'jobs', concurrency: 4, lease: '1s' })(
  Jobs.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Jobs.prototype, 'run'),
);

class App {}
Module({
  imports: [FunqModule.forRoot({ brokers: { default: sqlite({ file: join(folder, 'funq.db') }) } })],
  providers: [Jobs],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['fatal', 'error'] });
app.get(FunqEvents).on('done', ({ task }) => process.send?.(task.id));
