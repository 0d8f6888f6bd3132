import { ALL, CPU, HALF, MOST, RATE } from './columns.mjs';

const GOLEVELUP = 'golevelup, prefetch 1,000';
const TYPES = ['quorum', 'classic'];
/** Without the filter, whose answers are the store's and not the broker's. */
const { filter: _, ...CONTROLS } = ALL;

/** One suite for each type of queue: the same type for all rows. */
const both = (suiteOf) => TYPES.map(suiteOf);

export const rabbitmqPublish = both((type) => ({
  name: `rabbitmq-publish-${type}`,
  broker: 'rabbitmq',
  title: `Publishing, RabbitMQ, ${type} queues`,
  measures: 'Durable queue, persistent messages, 1,000 in flight. All but Nest wait for the confirmation of each.',
  columns: [RATE, CPU],
  settings: { tasks: 20_000, broker: `rabbitmq-${type}`, type },
  rounds: 3,
  quick: { tasks: 2000 },
  rows: [
    { name: GOLEVELUP, contender: 'golevelup-rabbitmq', settings: { act: 'publish' } },
    { name: 'amqplib, confirmed', contender: 'raw-rabbitmq-publish', than: GOLEVELUP },
    { name: 'Nest RMQ transport', contender: 'nest-rmq', settings: { act: 'publish' }, than: GOLEVELUP },
    { ...publish('funq, 1,000 in flight', 'in flight'), target: { atLeast: 1 } },
    publish('funq, publishMany of 1,000', 'many'),
  ],
}));

export const rabbitmqConsume = both((type) => ({
  name: `rabbitmq-${type}`,
  broker: 'rabbitmq',
  title: `Executing, RabbitMQ, ${type} queues`,
  measures:
    'Tasks that wait, a handler that does nothing. amqplib: prefetch 1,000, every hundredth acknowledges all before it.',
  columns: [RATE, CPU],
  settings: { tasks: 40_000, broker: `rabbitmq-${type}`, type, concurrency: 1000 },
  rounds: 3,
  quick: { tasks: 2000 },
  rows: [
    { name: GOLEVELUP, contender: 'golevelup-rabbitmq', settings: { act: 'consume' } },
    { name: 'amqplib', contender: 'raw-rabbitmq-consume', than: GOLEVELUP },
    { name: 'Nest RMQ transport', contender: 'nest-rmq', settings: { act: 'consume' }, than: GOLEVELUP },
    { ...consume('funq', {}), target: { atLeast: 1.7 } },
    { ...consume('funq, retry timeout rate', CONTROLS), target: { atLeast: 1.2 } },
  ],
}));

export const rabbitmqLatency = both((type) => ({
  name: `rabbitmq-latency-${type}`,
  broker: 'rabbitmq',
  title: `From publishing to the start, RabbitMQ, ${type} queues`,
  measures:
    'At 200 tasks a second, after 50,000 as fast as they can: from the call of publish() to the first line of the method.',
  columns: [HALF, MOST],
  settings: { perSecond: 200, tasks: 1000, warm: 50_000, broker: `rabbitmq-${type}`, type },
  rounds: 3,
  quick: { tasks: 50, warm: 100 },
  rows: [
    { name: 'amqplib', contender: 'raw-rabbitmq-latency' },
    { name: 'funq', contender: 'funq-latency', than: 'amqplib' },
  ],
}));

export const rabbitmqQueues = {
  name: 'rabbitmq-queues',
  broker: 'rabbitmq',
  title: 'Over many queues, RabbitMQ, classic queues',
  measures:
    'The same number of tasks in all, spread over so many queues, each with a consumer of its own; 10 at once in each.',
  columns: [RATE, CPU],
  settings: { broker: 'rabbitmq-classic', concurrency: 10, tasks: 20_000 },
  rounds: 2,
  quick: { tasks: 2000 },
  rows: [1, 10, 100, 1000].map((queues) => ({
    name: `${queues.toLocaleString('en-US')} queues`,
    contender: 'funq-consume',
    settings: { queues },
    ...(queues > 1 && { than: '1 queues' }),
  })),
};

function publish(name, way) {
  return { name, contender: 'funq-publish', settings: { way }, than: GOLEVELUP };
}

function consume(name, controls) {
  return { name, contender: 'funq-consume', settings: { controls }, than: GOLEVELUP };
}
