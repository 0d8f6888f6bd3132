import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, Ctx, EventPattern, Transport } from '@nestjs/microservices';
import { queueOptions, url } from '../support/raw-rabbitmq.mjs';
import { inFlight, stopwatch, timed, warmed } from '../support/timing.mjs';

/**
 * Nest's own RMQ transport, with acknowledgements by hand as it loses tasks without; prefetch is the best of 100, 500, 1,000,
 * 2,000 over quorum queues.
 */
export async function measure({ act, tasks, type, prefetch = 1000 }) {
  const queue = `bench-${randomUUID()}`;
  const options = { urls: [url()], queue, queueOptions: queueOptions(type), persistent: true, prefetchCount: prefetch };
  const client = ClientProxyFactory.create({ transport: Transport.RMQ, options });
  await client.connect();
  const emit = (index) =>
    new Promise((resolve, reject) => client.emit('task', index).subscribe({ complete: resolve, error: reject }));
  const publish = (count) => inFlight(count, 1000, emit);
  const figures =
    act === 'publish'
      ? await warmed(
          () => publish(tasks / 4),
          () => timed(tasks, () => publish(tasks)),
        )
      : await consume({ tasks, options, publish });
  await client.close();
  return figures;
}

async function consume({ tasks, options, publish }) {
  await publish(tasks);
  globalThis.gc?.();
  let stop;
  let left = tasks;
  let ended;
  const done = new Promise((resolve) => (ended = resolve));
  class Tasks {
    async handle(context) {
      stop ??= stopwatch(tasks);
      context.getChannelRef().ack(context.getMessage());
      if (--left === 0) ended(stop());
    }
  }
  EventPattern('task')(Tasks.prototype, 'handle', Object.getOwnPropertyDescriptor(Tasks.prototype, 'handle'));
  Ctx()(Tasks.prototype, 'handle', 0);
  Controller()(Tasks);
  class App {}
  Module({ controllers: [Tasks] })(App);
  const app = await NestFactory.createMicroservice(App, {
    transport: Transport.RMQ,
    options: { ...options, noAck: false },
    logger: ['error'],
  });
  await app.listen();
  const figures = await done;
  await app.close();
  return figures;
}
