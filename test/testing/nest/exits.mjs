// A test as a user's runner would run it, on the built library: it must come to its end by itself.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { FunqTesting, FunqTestingModule } from 'nestjs-funq/testing';

class Work {
  async run(fails) {
    if (fails) throw new Error('no');
  }
  async hang() {
    await new Promise(() => undefined);
  }
}
const options = { rate: 1, timeout: '1m', retry: { times: 3, delay: '1h' } };
for (const [method, own] of [
  ['run', options],
  ['hang', {}],
])
  Consumer(own)(Work.prototype, method, Object.getOwnPropertyDescriptor(Work.prototype, method));

class App {}
const broker = sqlite({ file: '/nonexistent/never-opened.db' });
Module({ imports: [FunqModule.forRoot({ brokers: { default: broker } })], providers: [Work] })(App);

const app = await Test.createTestingModule({ imports: [App, FunqTestingModule] }).compile();
await app.init();
const funq = app.get(FunqPublisher);
const testing = app.get(FunqTesting);
for (const fails of [true, false]) await funq.to(Work).run(fails);
await testing.drain();
await funq.to(Work).hang();
await funq.to(Work, { delay: '10d' }).run(false);
await testing.advance('30s');
await app.close();
process.on('exit', () => console.log(JSON.stringify({ runs: testing.runs().length, pending: testing.clock.pending })));
