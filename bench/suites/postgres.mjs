import { CONSUMED, CPU, HALF, MOST, PUBLISHED, RATE } from './columns.mjs';

const COMMON = { broker: 'postgres', asked: true };
const RAW_CONSUME = 'raw SQL, claim 100, delete 100';
const RAW_PUBLISH = 'raw SQL, insert of 500';
const RAW_LATENCY = 'raw INSERT, NOTIFY, LISTEN, claim';
const CONTROLS = { retry: 3, timeout: '10s', rate: { starts: 1_000_000 } };

export const postgresConsume = {
  ...COMMON,
  name: 'postgres',
  title: 'Executing, PostgreSQL',
  measures:
    'Tasks that wait in tables. raw: one connection, prepared. funq: the whole pipeline, 100 at once. graphile-worker: 100 jobs at once, local queue 500, completions batched. pg-boss: two loops that fetch and complete 500.',
  columns: [RATE, CPU],
  rounds: 3,
  settings: { tasks: 60_000, broker: 'postgres' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_CONSUME, contender: 'raw-postgres-consume' },
    { name: 'graphile-worker 0.17', contender: 'graphile-worker' },
    { name: 'pg-boss 10', contender: 'pg-boss' },
    consume('funq', {}, RAW_CONSUME, 0.8),
    consume('funq, beside graphile-worker', {}, 'graphile-worker 0.17', 1.7),
    consume('funq, beside pg-boss', {}, 'pg-boss 10', 3.5),
    consume('funq, retry timeout rate, beside graphile-worker', CONTROLS, 'graphile-worker 0.17', 1.3),
  ],
};

export const postgresPublish = {
  ...COMMON,
  name: 'postgres-publish',
  title: 'Publishing, PostgreSQL',
  measures: 'Default synchronous_commit. Each one in flight: 1,000 calls at once, each its own task.',
  columns: [RATE, CPU],
  rounds: 3,
  settings: { tasks: 60_000, broker: 'postgres' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_PUBLISH, contender: 'raw-postgres-publish' },
    { name: 'graphile-worker 0.17, in flight', contender: 'graphile-worker', settings: { way: 'single', tasks: 6000 } },
    { name: 'pg-boss 10, in flight', contender: 'pg-boss', settings: { way: 'single', tasks: 6000 } },
    {
      name: 'graphile-worker 0.17, addJobs of 500',
      contender: 'graphile-worker',
      settings: { way: 'many' },
      than: RAW_PUBLISH,
    },
    { name: 'pg-boss 10, insert of 500', contender: 'pg-boss', settings: { way: 'many' }, than: RAW_PUBLISH },
    publish('funq, 1,000 in flight', 'in flight', RAW_PUBLISH),
    {
      ...publish('funq, beside graphile-worker', 'in flight', 'graphile-worker 0.17, in flight'),
      target: { atLeast: 20 },
    },
    { ...publish('funq, beside pg-boss', 'in flight', 'pg-boss 10, in flight'), target: { atLeast: 20 } },
    publish('funq, publishMany of 1,000', 'many', RAW_PUBLISH),
    { ...publish('funq, one by one', 'one by one', RAW_PUBLISH), settings: { way: 'one by one', tasks: 6000 } },
  ],
};

export const postgresLatency = {
  ...COMMON,
  name: 'postgres-latency',
  title: 'From publishing to the start, PostgreSQL',
  measures:
    'At 200 tasks a second, after 50,000 as fast as they can. raw: insert and NOTIFY in one statement, then LISTEN, claim.',
  columns: [HALF, MOST],
  rounds: 3,
  settings: { perSecond: 200, tasks: 1000, warm: 50_000, broker: 'postgres' },
  quick: { tasks: 50, warm: 100 },
  rows: [
    { name: RAW_LATENCY, contender: 'raw-postgres-latency' },
    { name: 'funq, same process', contender: 'funq-latency', than: RAW_LATENCY },
    { name: 'funq, another process', contender: 'funq-latency', settings: { remote: true }, than: RAW_LATENCY },
  ],
};

export const postgresBacklog = {
  ...COMMON,
  name: 'postgres-backlog',
  title: 'With tasks that wait, PostgreSQL',
  measures: 'Publishing with 1,000 in flight, then executing, while so many other tasks wait in the same queue.',
  columns: [CONSUMED, PUBLISHED],
  rounds: 3,
  settings: { tasks: 60_000, broker: 'postgres' },
  quick: { tasks: 2000, queued: 1000 },
  rows: [
    { name: 'no others', contender: 'funq-backlog', settings: { queued: 0 } },
    {
      name: '1,000,000 others',
      contender: 'funq-backlog',
      settings: { queued: 1_000_000 },
      than: 'no others',
      target: { atLeast: 0.9 },
    },
  ],
};

function consume(name, controls, than, atLeast) {
  return { name, contender: 'funq-consume', settings: { controls }, than, target: { atLeast } };
}

function publish(name, way, than) {
  return { name, contender: 'funq-publish', settings: { way }, than };
}
