import { CPU, HALF, MOST, RATE } from './columns.mjs';

const { AMQP_URL, REDIS_URL } = process.env;
const RMQ = "Nest's RMQ transport, acknowledged";
const REDIS = "Nest's Redis transport, no acknowledgement";

/** Where there is a server, its rows: Nest's own transport and funq over the same server. */
function rows(contender) {
  const row = (name, transport, more) => ({ name, contender, settings: { transport }, ...more });
  return [
    ...(AMQP_URL
      ? [
          row(RMQ, 'nest-rmq'),
          row('funq on RabbitMQ, quorum queues', 'funq-rabbitmq', { than: RMQ }),
          row(
            'funq on RabbitMQ, quorum queues, currentTask: false',
            'funq-rabbitmq-no-current-task',
            besideRmq(contender),
          ),
          row('funq on RabbitMQ, classic queues', 'funq-rabbitmq-classic', besideRmq(contender)),
        ]
      : []),
    ...(REDIS_URL
      ? [
          row(REDIS, 'nest-redis'),
          row('funq on Redis', 'funq-redis', besideRmq(contender)),
          row('funq on Redis, currentTask: false', 'funq-redis-no-current-task', besideRmq(contender)),
        ]
      : []),
    row('funq on SQLite', 'funq-sqlite'),
    row('funq in memory', 'funq-memory'),
  ];
}

/** What is to be reached is a part of what Nest's RMQ transport does. */
function besideRmq(contender) {
  if (!AMQP_URL) return { than: REDIS };
  return { than: RMQ, target: { atLeast: contender === 'microservice-send' ? 1.3 : 1.8 } };
}

export const microserviceSend = {
  name: 'microservice',
  title: 'Microservice: send() and its answer',
  measures:
    '100 callers at once, service and client in two processes; set AMQP_URL and REDIS_URL for the rows of servers.',
  columns: [{ ...RATE, title: 'answers/s' }, HALF, MOST, CPU],
  settings: { calls: 20_000, width: 100 },
  quick: { calls: 200 },
  rows: rows('microservice-send'),
};

export const microserviceEvents = {
  name: 'microservice-events',
  title: 'Microservice: events that wait',
  measures:
    'Emitted before the service starts; from the first to the last that its handler has taken. RMQ with prefetch 1000.',
  columns: [{ ...RATE, title: 'events/s' }, CPU],
  settings: { events: 20_000 },
  quick: { events: 200 },
  // Nest's Redis transport keeps nothing for a service that is not there.
  rows: rows('microservice-events').filter(({ name }) => name !== REDIS),
};
