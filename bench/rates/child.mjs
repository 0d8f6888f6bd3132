// One process of a measurement: runs tasks under a rate and sends back when each of them started.
// Usage: node child.mjs <json settings>, with an IPC channel; the message 'stop' ends it.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';

const { file, rate, tasks, longest, consume = true } = JSON.parse(process.argv[2]);
const starts = [];
let calls = 0;

class Job {
  run(ms) {
    starts.push(performance.timeOrigin + performance.now());
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
Consumer({ queue: 'jobs', rate })(Job.prototype, 'run', Object.getOwnPropertyDescriptor(Job.prototype, 'run'));

class App {}
Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: file ? sqlite({ file }) : memory() },
      stores: { coordination: counting(file ? sqliteCoordination({ file }) : memoryCoordination()) },
      shutdownGrace: '3s',
      consume,
    }),
  ],
  providers: [Job],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'fatal'] });
if (tasks > 0) await publish(app.get(FunqPublisher));
process.send('ready');
// Nobody listens any more.
process.once('disconnect', () => process.exit());
process.once('message', async () => {
  const measured = { starts: [...starts], calls };
  await app.close();
  process.send(measured, () => process.disconnect());
});

async function publish(funq) {
  for (let left = tasks; left > 0; left -= 1000) {
    const list = Array.from({ length: Math.min(left, 1000) }, () => [Math.random() * longest]);
    await funq.publishMany('jobs', list);
  }
}

function counting(store) {
  const { reserve } = store;
  const counted = (...args) => {
    calls++;
    return reserve.apply(store, args);
  };
  return Object.assign(store, { reserve: counted });
}
