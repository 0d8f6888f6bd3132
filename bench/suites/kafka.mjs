import { CPU, ONE, RATE } from './columns.mjs';

const RAW_PUBLISH = 'raw producer, 500 a request';
const RAW_CONSUME = 'raw stream, commits each 100';
const CONTROLS = { retry: 3, timeout: '10s', rate: { starts: 1_000_000 } };

export const kafkaPublish = {
  name: 'kafka-publish',
  title: 'Publishing, Kafka',
  measures: 'Into a topic of four partitions, acknowledged by all copies; the same client for all.',
  broker: 'kafka',
  asked: true,
  columns: [RATE, CPU],
  settings: { tasks: 100_000, broker: 'kafka' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_PUBLISH, contender: 'raw-kafka-publish' },
    publish('funq, 1,000 in flight', 'in flight'),
    publish('funq, publishMany of 1,000', 'many'),
    { ...publish('funq, one by one', 'one by one'), settings: { way: 'one by one', tasks: 2000 } },
  ],
};

export const kafkaConsume = {
  name: 'kafka',
  title: 'Executing, Kafka',
  measures:
    'Tasks that wait in a topic of four partitions. raw: the client’s stream, which commits what was read, or without waiting what it fetched. funq: the whole pipeline, 100 at once, committed when done.',
  broker: 'kafka',
  asked: true,
  columns: [RATE, CPU],
  settings: { tasks: 100_000, broker: 'kafka' },
  quick: { tasks: 2000 },
  rows: [
    { name: RAW_CONSUME, contender: 'raw-kafka-consume', settings: { every: 100 } },
    { name: 'raw stream, commits each 1,000', contender: 'raw-kafka-consume', settings: { every: 1000 } },
    { name: 'raw stream, commits what it fetched', contender: 'raw-kafka-consume' },
    { ...consume('funq', {}), target: { atLeast: 0.5 } },
    consume('funq, 1,000 at once', {}, { concurrency: 1000 }),
    consume('funq, retry', ONE),
    consume('funq, retry timeout rate', CONTROLS),
  ],
};

function publish(name, way) {
  return { name, contender: 'funq-publish', settings: { way }, than: RAW_PUBLISH };
}

function consume(name, controls, settings = {}) {
  return { name, contender: 'funq-consume', settings: { controls, ...settings }, than: RAW_CONSUME };
}
