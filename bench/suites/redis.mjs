import { CONSUMED, CPU, HALF, MEMORY, MOST, PUBLISHED, RATE, SERVER } from './columns.mjs';

const COMMON = { broker: 'redis', asked: true, rounds: 3 };
const RAW = 'raw Lua, claim 100, ack 100';
const RAW_ADD = 'raw Lua, adds of 500';
const RAW_STREAM = 'raw streams, XADD, XREADGROUP';
const BULL = 'BullMQ 6';
const CONTROLS = { retry: 3, timeout: '10s', rate: { starts: 1_000_000 } };

export const redisConsume = {
  ...COMMON,
  name: 'redis',
  title: 'Executing, Redis',
  measures:
    'Tasks that wait on the server. raw: one connection, a claim and an acknowledgement after the other. BullMQ: concurrency 100,\n' +
    'removeOnComplete, no stalled check. bee-queue: 100 at once, removeOnSuccess, no events. funq: the whole pipeline, 100 at once.',
  columns: [RATE, CPU, SERVER],
  settings: { tasks: 60_000, broker: 'redis' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW, contender: 'raw-redis', settings: { way: 'consume' } },
    { name: BULL, contender: 'bullmq', settings: { way: 'consume' } },
    { name: 'bee-queue 2', contender: 'bee-queue', settings: { way: 'consume' } },
    consume('funq', {}, RAW, 0.3),
    consume('funq, beside BullMQ', {}, BULL, 4),
    consume('funq, retry timeout rate, beside BullMQ', CONTROLS, BULL, 2.5),
  ],
};

export const redisPublish = {
  ...COMMON,
  name: 'redis-publish',
  title: 'Publishing, Redis',
  measures: 'Each one in flight: 1,000 calls at once, each its own task. BullMQ: with automatic pipelining.',
  columns: [RATE, CPU, SERVER],
  settings: { tasks: 60_000, broker: 'redis' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_ADD, contender: 'raw-redis', settings: { way: 'publish' } },
    { name: BULL, contender: 'bullmq', settings: { way: 'publish' } },
    { name: 'BullMQ 6, addBulk of 500', contender: 'bullmq', settings: { way: 'many' } },
    { name: 'bee-queue 2', contender: 'bee-queue', settings: { way: 'publish' } },
    { name: 'funq, 1,000 in flight', contender: 'redis-publish', than: BULL, target: { atLeast: 3.5 } },
    { name: 'funq, publishMany of 1,000', contender: 'redis-publish', settings: { way: 'many' }, than: RAW_ADD },
  ],
};

export const redisLatency = {
  ...COMMON,
  name: 'redis-latency',
  title: 'From publishing to the start, Redis',
  measures:
    'At 200 tasks a second, after 50,000 as fast as they can: from the call that publishes to the first line of what is executed.',
  columns: [HALF, MOST],
  settings: { perSecond: 200, tasks: 1000, warm: 50_000, broker: 'redis' },
  quick: { tasks: 50, warm: 100 },
  rows: [
    { name: RAW_STREAM, contender: 'raw-redis', settings: { way: 'latency' } },
    { name: BULL, contender: 'bullmq', settings: { way: 'latency' } },
    { name: 'bee-queue 2', contender: 'bee-queue', settings: { way: 'latency' } },
    { name: 'funq, same process', contender: 'funq-latency', than: RAW_STREAM },
    { name: 'funq, another process', contender: 'funq-latency', settings: { remote: true }, than: RAW_STREAM },
  ],
};

export const redisQueues = {
  ...COMMON,
  name: 'redis-queues',
  title: 'Over many queues, Redis',
  measures:
    'The same number of tasks in all, spread over so many queues, each with a consumer of its own; 10 at once in each.',
  columns: [RATE, CPU, SERVER],
  settings: { concurrency: 10, broker: 'redis', tasks: 60_000 },
  quick: { tasks: 2000 },
  rows: [1, 10, 100, 1000].map((queues) => ({
    name: queues.toLocaleString('en-US'),
    contender: 'funq-consume',
    settings: { queues },
    ...(queues > 1 && { than: '1', target: { atLeast: 0.8 } }),
  })),
};

export const redisBacklog = {
  ...COMMON,
  name: 'redis-backlog',
  title: 'With tasks that wait, Redis',
  measures:
    'Publishing with 1,000 in flight, then executing 60,000, while so many other tasks wait. Beyond 1,048,576 in all the server moves its tables; a rewrite of its AOF, where one begins, takes a core: auto-aof-rewrite-percentage 0 keeps it out.',
  columns: [CONSUMED, PUBLISHED, MEMORY],
  settings: { tasks: 60_000, broker: 'redis' },
  quick: { tasks: 2000, queued: 1000 },
  rows: [0, 940_000, 1_000_000].map((queued) => ({
    name: queued.toLocaleString('en-US'),
    contender: 'funq-backlog',
    settings: { queued },
    ...(queued > 0 && { than: '0', target: { atLeast: 0.9 } }),
  })),
};

function consume(name, controls, than, atLeast) {
  return { name, contender: 'funq-consume', settings: { controls }, than, target: { atLeast } };
}
