import { ALL, ONE, CPU, RATE } from './columns.mjs';

const RAW_PUBLISH = 'raw SQL, 512 a transaction';
const RAW_CONSUME = 'raw SQL, 100 a transaction';

export const sqlitePublish = {
  name: 'sqlite-publish',
  broker: 'sqlite',
  title: 'Publishing, SQLite',
  measures:
    'Into a file, WAL, synchronous = NORMAL; the same driver and settings for all. raw: a table with queue, owner and body.',
  columns: [RATE, CPU],
  settings: { tasks: 100_000, broker: 'sqlite' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_PUBLISH, contender: 'raw-sqlite-publish' },
    { ...publish('funq, 1,000 in flight', 'in flight'), target: { atLeast: 0.6 } },
    publish('funq, publishMany of 1,000', 'many'),
    publish('funq, one by one', 'one by one'),
  ],
};

export const sqliteConsume = {
  name: 'sqlite',
  broker: 'sqlite',
  title: 'Executing, SQLite',
  measures:
    'Tasks that wait in a file. raw: claimed in one transaction, deleted in another. funq: the whole pipeline, 100 at once.',
  columns: [RATE, CPU],
  settings: { tasks: 100_000, broker: 'sqlite' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_CONSUME, contender: 'raw-sqlite-consume' },
    { ...consume('funq', {}), target: { atLeast: 0.5 } },
    consume('funq, retry', ONE),
    { ...consume('funq, retry timeout filter rate', ALL), settings: { controls: ALL, tasks: 20_000 } },
  ],
};

function publish(name, way) {
  return { name, contender: 'funq-publish', settings: { way }, than: RAW_PUBLISH };
}

function consume(name, controls) {
  return { name, contender: 'funq-consume', settings: { controls }, than: RAW_CONSUME };
}
