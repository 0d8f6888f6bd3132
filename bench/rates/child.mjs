// One process of a measurement: runs tasks under a rate and sends back when each of them started.
// Usage: node child.mjs <json settings>, with an IPC channel; the message 'stop' ends it.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { openBroker } from '../support/brokers.mjs';

const { broker: kind, file, rate, tasks, longest, consume = true } = JSON.parse(process.argv[2]);
const { broker, coordination } = openBroker(kind, { file });
const starts = [];
let calls = 0;
let reservations = 0;

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
      brokers: { default: broker },
      stores: { coordination: counting(coordination) },
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
  const measured = { starts: [...starts], reservations, calls };
  await app.close();
  process.send(measured, () => process.disconnect());
});

async function publish(funq) {
  for (let left = tasks; left > 0; left -= 1000) {
    const list = Array.from({ length: Math.min(left, 1000) }, () => [Math.random() * longest]);
    await funq.publishMany('jobs', list);
  }
}

/** Whatever the store is asked for counts, but for its opening and its end. */
function counting(store) {
  return new Proxy(store, {
    get(target, name) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      return (...args) => {
        if (name !== 'connect' && name !== 'close') calls++;
        if (name === 'reserve') reservations++;
        return member.apply(target, args);
      };
    },
  });
}
