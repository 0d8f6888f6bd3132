import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AmqpConnection, RabbitMQModule, RabbitSubscribe } from '@golevelup/nestjs-rabbitmq';
import { queueOptions, url } from '../support/raw-rabbitmq.mjs';
import { inFlight, stopwatch, timed, warmed } from '../support/timing.mjs';

/** @golevelup/nestjs-rabbitmq: `act` is what is measured. Its `prefetch` is the best of 100, 500, 1,000, 2,000 over quorum queues. */
export async function measure({ act, tasks, type, prefetch = 1000 }) {
  const queue = `bench-${randomUUID()}`;
  const app = await start({ prefetch, consumer: [] });
  const connection = app.get(AmqpConnection);
  await connection.channel.assertQueue(queue, queueOptions(type));
  const publish = (count) =>
    inFlight(count, 1000, (index) => connection.publish('', queue, { index }, { persistent: true }));
  if (act === 'publish') {
    const figures = await warmed(
      () => publish(tasks / 4),
      () => timed(tasks, () => publish(tasks)),
    );
    await end(app, queue);
    return figures;
  }
  await publish(tasks);
  // In one process it registers the handlers of the first application only, until that is closed.
  await app.close();
  return consume({ queue, type, prefetch, tasks });
}

async function consume({ queue, type, prefetch, tasks }) {
  globalThis.gc?.();
  let stop;
  let left = tasks;
  let ended;
  const done = new Promise((resolve) => (ended = resolve));
  class Noop {
    async handle() {
      stop ??= stopwatch(tasks);
      if (--left === 0) ended(stop());
    }
  }
  const described = Object.getOwnPropertyDescriptor(Noop.prototype, 'handle');
  RabbitSubscribe({ queue, queueOptions: queueOptions(type), allowNonJsonMessages: false })(
    Noop.prototype,
    'handle',
    described,
  );
  Injectable()(Noop);
  const app = await start({ prefetch, consumer: [Noop] });
  const figures = await done;
  await end(app, queue);
  return figures;
}

async function end(app, queue) {
  await app.get(AmqpConnection).channel.deleteQueue(queue);
  await app.close();
}

async function start({ prefetch, consumer }) {
  class App {}
  Module({
    imports: [
      RabbitMQModule.forRoot({
        uri: url(),
        prefetchCount: prefetch,
        connectionInitOptions: { wait: true },
        connectionManagerOptions: { connectionOptions: { noDelay: true } },
        enableControllerDiscovery: false,
      }),
    ],
    providers: consumer,
  })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false });
  await app.init();
  return app;
}
