import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload, RmqContext } from '@nestjs/microservices';

/** A service with one message and one event, as a compiler would have written it. `took` is told of each event. */
export async function startService(options, took = () => undefined) {
  class Service {
    async answer(value, context) {
      acknowledge(context);
      return value;
    }
    async happened(value, context) {
      took(value);
      acknowledge(context);
    }
  }
  handler(Service, 'answer', MessagePattern('bench.answer'));
  handler(Service, 'happened', EventPattern('bench.happened'));
  Controller()(Service);
  class App {}
  Module({ controllers: [Service] })(App);
  const app = await NestFactory.createMicroservice(App, { ...options, logger: ['error'] });
  await app.listen();
  return app;
}

/** With Nest's RMQ transport this is the handler's own business. */
function acknowledge(context) {
  if (context instanceof RmqContext) context.getChannelRef().ack(context.getMessage());
}

function handler(type, name, decorate) {
  Payload()(type.prototype, name, 0);
  Ctx()(type.prototype, name, 1);
  Reflect.defineMetadata('design:paramtypes', [Object, Object], type.prototype, name);
  decorate(type.prototype, name, Object.getOwnPropertyDescriptor(type.prototype, name));
}
