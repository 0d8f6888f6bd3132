// A process with one or two applications that consume from the file of a fleet: plain JavaScript on the built library.
// Usage: node app.mjs <folder> <json settings>
import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { appendFileSync, existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Consumer, FunqEvents, FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';

const [folder, json = '{}'] = process.argv.slice(2);
const { queues = ['jobs'], lease = '1s', concurrency = 5, maxBlock, pulse } = JSON.parse(json);
const write = (...words) => appendFileSync(join(folder, 'ledger.txt'), `${words.join(' ')}\n`);
const told = (file) => existsSync(join(folder, file));
const cell = new Int32Array(new SharedArrayBuffer(4));

const ways = {
  /** The event loop stands still, without burning a processor that others need, until the file is there. */
  block(file) {
    while (!told(file)) Atomics.wait(cell, 0, 0, 5);
  },
  /** The event loop turns. */
  async wait(file) {
    while (!told(file)) await new Promise((resolve) => setTimeout(resolve, 5));
  },
  quick() {},
};

/** A broker whose pulse leads to another module. */
function misled(broker) {
  const subscribe = async (queue, options) => {
    const real = await broker.subscribe(queue, options);
    const source = { module: pulse, data: null };
    Object.defineProperty(real, 'pulse', { value: { source, id: 1 } });
    return real;
  };
  return { ...broker, subscribe };
}

function application(queue) {
  class Jobs {
    async run(id, way, file) {
      write('start', id, process.pid);
      await ways[way](file);
      write('end', id, process.pid);
    }
  }
  const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
  Consumer({ queue, lease, concurrency })(Jobs.prototype, 'run', method);

  class App {}
  const broker = sqlite({ file: join(folder, 'funq.db') });
  const brokers = { default: pulse ? misled(broker) : broker };
  Module({ imports: [FunqModule.forRoot({ brokers, maxBlock })], providers: [Jobs] })(App);
  return NestFactory.createApplicationContext(App, { logger: ['error', 'fatal'] });
}

/** Descriptors of the file, the thread's own too, on systems that tell; and what keeps the process alive besides its pipes. */
function opened() {
  const descriptors = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : [];
  const files = descriptors.flatMap((fd) => targetOf(`/proc/self/fd/${fd}`)).filter((file) => file.startsWith(folder));
  return [...files, ...process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')];
}

/** Nothing for a descriptor that was only that of the listing. */
function targetOf(link) {
  try {
    return [readlinkSync(link)];
  } catch {
    return [];
  }
}

Logger.overrideLogger(['error', 'fatal']);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const apps = [];
for (const queue of queues) {
  const app = await application(queue);
  const events = app.get(FunqEvents);
  events.on('done', ({ task }) => write('done', task.args[0], process.pid));
  events.on('leaseLost', ({ task }) => write('leaseLost', task.args[0], process.pid));
  events.on('heartbeatFailed', () => write('heartbeatFailed', queue, process.pid));
  apps.push(app);
}

/** Closes the application at the position, or with `-1` all, and then holds nothing that keeps the process alive. */
process.on('message', async (position) => {
  write('open', opened().join('+') || 'nothing', process.pid);
  for (const app of position < 0 ? apps : [apps[position]]) await app.close();
  if (position >= 0) return void write('closed', position, process.pid);
  process.disconnect();
  // libsql lets go of a file that was closed when its statements are collected.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve, collect()));
  write('left', opened().join('+') || 'nothing', process.pid);
});
process.send('ready');
