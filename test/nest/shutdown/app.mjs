// An app in plain JavaScript on the built library: what a real process leaves open shows in whether it ends by itself.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqEvents, FunqModule, FunqPublisher } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';

const [mode] = process.argv.slice(2);

class Job {
  async run(name) {
    if (name !== 'slow') return name;
    process.send?.('started');
    await new Promise((resolve) => process.once('message', resolve));
    process.send?.('ended');
    return name;
  }
}
const options = { queue: 'jobs', rate: 1000, retry: 2, timeout: '1h', filter: true, persist: 'result' };
Consumer(options)(Job.prototype, 'run', Object.getOwnPropertyDescriptor(Job.prototype, 'run'));

class AppModule {}
Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: memory() },
      stores: { results: memoryResults(), coordination: memoryCoordination() },
    }),
  ],
  providers: [Job],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const funq = app.get(FunqPublisher);

if (mode === 'close') {
  await funq.ask('jobs', ['one']);
  await app.close();
  process.send('closed');
  process.disconnect();
} else {
  app.get(FunqEvents).on('done', () => process.send?.('done'));
  process.once('SIGTERM', () => process.send('stopping'));
  app.enableShutdownHooks(['SIGTERM'], { useProcessExit: mode === 'exit' });
  await funq.publish('jobs', ['slow']);
}
