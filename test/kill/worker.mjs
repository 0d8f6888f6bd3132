// A consumer process for the kill tests: plain JavaScript on the built library, as a user's process would be.
// Usage: node worker.mjs <folder> <json settings>
import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';

const [folder, json = '{}'] = process.argv.slice(2);
const settings = JSON.parse(json);
const write = (...words) => appendFileSync(join(folder, 'ledger.txt'), `${words.join(' ')}\n`);
let failures = 0;
const die = () => process.kill(process.pid, 'SIGKILL');

/** Dies at a point of a message's path that no handler can reach. */
function mortal(broker) {
  const subscribe = async (queue, options) => {
    const real = await broker.subscribe(queue, options);
    return {
      ...real,
      receive: async (max, signal) => {
        const deliveries = await real.receive(max, signal);
        if (settings.dieAt === 'claim' && deliveries.length > 0) {
          write('claimed', deliveries.length, process.pid);
          die();
        }
        return deliveries;
      },
      ack: async (deliveries) => {
        if (settings.dieAt === 'ack') die();
        return real.ack(deliveries);
      },
      release: (deliveries) => real.release(deliveries),
      extend: (deliveries) => real.extend(deliveries),
      get pulse() {
        return real.pulse;
      },
      close: () => real.close(),
    };
  };
  return { ...broker, subscribe };
}

class Jobs {
  constructor(publisher) {
    this.publisher = publisher;
  }

  async run(id, ms) {
    write('start', id, process.pid);
    if (id === 'poison') die();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    if (settings.follow) await this.publisher.publish('follow', [id]);
    if (id.startsWith('fails') && failures++ % 3 < 2) throw new Error(write('failed', id, process.pid));
    write('end', id, process.pid);
  }

  async follow(id) {
    write('follow', id, process.pid);
  }
}

const options = { concurrency: 16, lease: '2s', ...settings.options };
for (const [method, queue] of [
  ['run', 'jobs'],
  ['follow', 'follow'],
]) {
  Consumer({ ...options, queue })(Jobs.prototype, method, Object.getOwnPropertyDescriptor(Jobs.prototype, method));
}

class App {}
Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: mortal(sqlite({ file: join(folder, 'funq.db') })) },
      stores: { coordination: sqliteCoordination({ file: join(folder, 'funq.db') }) },
      shutdownGrace: settings.grace ?? '10s',
    }),
  ],
  providers: [{ provide: Jobs, useFactory: (publisher) => new Jobs(publisher), inject: [FunqPublisher] }],
})(App);

const levels = settings.quiet ? ['fatal'] : ['error', 'fatal'];
Logger.overrideLogger(levels);
const app = await NestFactory.createApplicationContext(App, { logger: levels });
app.enableShutdownHooks();
process.send?.('ready');
