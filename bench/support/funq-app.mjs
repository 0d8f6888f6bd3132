import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqEvents, FunqModule, FunqPublisher } from 'nestjs-funq';
import { openBroker } from './brokers.mjs';

/**
 * A whole Nest application with one `@Consumer()` method for each of `consumers` (`{ queue, options, call }`), as a user's
 * compiler would have written it. `prepare({ funq, events })` runs when brokers are open and before anything is consumed.
 */
export async function startApp({ broker, file, consumers = [], prepare }) {
  const opened = openBroker(broker, { file });
  class Prepared {
    constructor(funq, events) {
      this.tools = { funq, events };
    }
    async onApplicationBootstrap() {
      await prepare?.(this.tools);
    }
  }
  provided(Prepared, [FunqPublisher, FunqEvents]);
  class App {}
  Module({
    imports: [
      FunqModule.forRoot({ brokers: { default: opened.broker }, stores: { coordination: opened.coordination } }),
    ],
    providers: [Prepared, consumerClass(consumers)],
  })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false });
  return { funq: app.get(FunqPublisher), events: app.get(FunqEvents), close: () => app.close() };
}

function consumerClass(consumers) {
  class Consumers {}
  for (const [index, { queue, options, call }] of consumers.entries()) {
    const name = `method${index}`;
    // One declared parameter, as `method(value: number)` has; `call` is the async function, as a peer's is.
    const method = function (value) {
      return call(value);
    };
    Object.defineProperty(Consumers.prototype, name, { value: method, writable: true, configurable: true });
    Reflect.defineMetadata('design:paramtypes', [Number], Consumers.prototype, name);
    Consumer({ queue, ...options })(Consumers.prototype, name, { value: method });
  }
  return provided(Consumers, []);
}

function provided(type, dependencies) {
  Reflect.defineMetadata('design:paramtypes', dependencies, type);
  Injectable()(type);
  return type;
}
