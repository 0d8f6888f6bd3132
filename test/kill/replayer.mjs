// A process that replays dead letters: plain JavaScript on the built library, as a user's process would be.
// Usage: node replayer.mjs <folder> <json settings>
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { join } from 'node:path';
import { FunqDeadLetters, FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';

const [folder, json = '{}'] = process.argv.slice(2);
const { dieAt, after = 0, ...options } = JSON.parse(json);

/** Dies between two steps of a letter's way, the `after`-th time that it comes there. */
function mortal(broker) {
  let left = after;
  const step = (name) => {
    if (dieAt === name && left-- <= 0) process.kill(process.pid, 'SIGKILL');
  };
  const publish = async (queue, messages) => {
    step('publish');
    const failures = await broker.publish(queue, messages);
    step('published');
    return failures;
  };
  const subscribe = async (queue, settings) => {
    const real = await broker.subscribe(queue, settings);
    return {
      receive: async (max, signal) => {
        const deliveries = await real.receive(max, signal);
        step('received');
        return deliveries;
      },
      ack: async (deliveries) => {
        const lost = await real.ack(deliveries);
        step('acknowledged');
        return lost;
      },
      release: (deliveries) => real.release(deliveries),
      extend: (deliveries) => real.extend(deliveries),
      close: () => real.close(),
    };
  };
  return { ...broker, publish, subscribe };
}

class App {}
Module({ imports: [FunqModule.forRoot({ brokers: { default: mortal(sqlite({ file: join(folder, 'funq.db') })) } })] })(
  App,
);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'fatal'] });
process.send?.('ready');
process.send?.({ replayed: await app.get(FunqDeadLetters).replay('jobs', options) });
await app.close();
process.disconnect?.();
