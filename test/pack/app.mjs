// An application in plain JavaScript, as ES modules: decorators are applied by hand.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';

let arrive;
const arrived = new Promise((resolve) => (arrive = resolve));

class Greeter {
  greet(name) {
    arrive(name);
  }
}
Injectable()(Greeter);
Consumer({ queue: 'hello' })(Greeter.prototype, 'greet', Object.getOwnPropertyDescriptor(Greeter.prototype, 'greet'));

class AppModule {}
Module({ imports: [FunqModule.forRoot({ brokers: { default: memory() } })], providers: [Greeter] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'], abortOnError: false });
await app.get(FunqPublisher).publish('hello', ['world']);
console.log(`greeted ${await arrived}`);
await app.close();
