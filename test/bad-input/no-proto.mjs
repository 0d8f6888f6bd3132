// Run with `node --disable-proto=throw`: consumes the bodies it is sent, and answers how they ended.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { once } from 'node:events';
import { Consumer, FunqEvents, FunqModule, getBrokerToken } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';

class Jobs {
  run(value) {
    return value;
  }
}
Consumer('merge')(Jobs.prototype, 'run', Object.getOwnPropertyDescriptor(Jobs.prototype, 'run'));

class App {}
Module({ imports: [FunqModule.forRoot({ brokers: { default: memory() } })], providers: [Jobs] })(App);
const app = await NestFactory.createApplicationContext(App, { logger: false });

const outcomes = { done: 0, dead: 0 };
for (const name of Object.keys(outcomes)) app.get(FunqEvents).on(name, () => outcomes[name]++ >= 0 && answer());

const asked = once(process, 'message');
process.send('ready');
const [bodies] = await asked;
await app.get(getBrokerToken()).publish('merge', bodies.map((body, n) => ({ id: `${n}`, body: Buffer.from(body) }))); // prettier-ignore

function answer() {
  if (outcomes.done + outcomes.dead < bodies.length) return;
  process.send({ ...outcomes, polluted: {}.polluted });
  void app.close().then(() => process.disconnect());
}
