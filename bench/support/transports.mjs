import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { FunqClient, FunqServer } from 'nestjs-funq/microservice';
import { memory } from 'nestjs-funq/memory';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';

const { AMQP_URL, REDIS_URL } = process.env;

/** The task is in `@Ctx()` alone, as it is with Nest's own transports. */
const WITHOUT = { currentTask: false };

/**
 * Each transport as `{ server, client }`: what createMicroservice() and a client are made of. `place` is a name, or a file, that
 * no other measurement has.
 */
const TRANSPORTS = {
  'nest-rmq': ({ place }) =>
    nest(Transport.RMQ, {
      urls: [AMQP_URL],
      queue: place,
      noAck: false,
      prefetchCount: 1000,
      queueOptions: { durable: true },
    }),
  'nest-redis': () => {
    const { hostname: host, port } = new URL(REDIS_URL);
    return nest(Transport.REDIS, { host, port: Number(port) });
  },
  'funq-rabbitmq': ({ place }) => funq(() => rabbitmq({ url: AMQP_URL }), `${place}.`),
  'funq-rabbitmq-classic': ({ place }) => funq(() => rabbitmq({ url: AMQP_URL, type: 'classic' }), `${place}.`),
  'funq-redis': ({ place }) => funq(() => redis({ url: REDIS_URL, namespace: place })),
  'funq-sqlite': ({ file }) => funq(() => sqlite({ file })),
  'funq-rabbitmq-no-current-task': ({ place }) => funq(() => rabbitmq({ url: AMQP_URL }), `${place}.`, WITHOUT),
  'funq-redis-no-current-task': ({ place }) => funq(() => redis({ url: REDIS_URL, namespace: place }), '', WITHOUT),
  'funq-memory': ({ queues }) => funq(() => memory({ queues })),
};

export function openTransport(name, place) {
  return TRANSPORTS[name](place);
}

function nest(transport, options) {
  return {
    server: () => ({ transport, options }),
    // A client of RMQ takes its own answers as it must: without acknowledgement.
    client: () => ClientProxyFactory.create({ transport, options: { ...options, noAck: true } }),
  };
}

function funq(open, prefix = '', options = {}) {
  return {
    server: () => ({
      strategy: new FunqServer({ broker: open(), prefix, defaults: { concurrency: 1000 }, ...options }),
    }),
    client: () => new FunqClient({ broker: open(), prefix }),
  };
}
