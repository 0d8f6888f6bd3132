import { ALL, CPU, ONE, RATE } from './columns.mjs';

const RAW_CONSUME = 'raw findOneAndUpdate, 20 at once';
const RAW_PUBLISH = 'raw insertMany of 500';

/** Few tasks: a server that stands in for MongoDB has no index to find them by, and is slower with each that waits. */
const COMMON = { broker: 'mongo', asked: true, columns: [RATE, CPU], rounds: 3, quick: { tasks: 200 } };

export const mongoPublish = {
  ...COMMON,
  name: 'mongo-publish',
  title: 'Publishing, MongoDB',
  measures: 'Write concern majority for all. raw: documents with queue, owner and body.',
  settings: { tasks: 4000, broker: 'mongo' },
  rows: [
    { name: RAW_PUBLISH, contender: 'raw-mongo-publish' },
    publish('funq, 1,000 in flight', 'in flight'),
    publish('funq, publishMany of 1,000', 'many'),
    publish('funq, one by one', 'one by one', { tasks: 400 }),
  ],
};

export const mongoConsume = {
  ...COMMON,
  name: 'mongo',
  title: 'Executing, MongoDB',
  measures: 'Tasks that wait. raw: findOneAndUpdate and deleteOne for each. funq: the whole pipeline, 100 at once.',
  settings: { tasks: 1000, broker: 'mongo' },
  rows: [
    { name: RAW_CONSUME, contender: 'raw-mongo-consume' },
    consume('funq', {}),
    consume('funq, retry', ONE),
    consume('funq, retry timeout filter rate', ALL),
  ],
};

function publish(name, way, more = {}) {
  return { name, contender: 'funq-publish', settings: { way, ...more }, than: RAW_PUBLISH };
}

function consume(name, controls) {
  return { name, contender: 'funq-consume', settings: { controls }, than: RAW_CONSUME };
}
