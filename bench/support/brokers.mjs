import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { kafka } from 'nestjs-funq/kafka';
import { memory } from 'nestjs-funq/memory';
import { openMongo } from './mongo.mjs';
import { openPostgres } from './postgres.mjs';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { sqlite } from 'nestjs-funq/sqlite';
import { redis } from 'nestjs-funq/redis';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';
import { redisUrl } from './redis.mjs';
import { kafkaBrokers } from './raw-kafka.mjs';

/** How each broker is opened for a measurement, with a coordination store of its kind. Another broker is one line here. */
const OPEN = {
  kafka: ({ file }) => {
    const prefix = `${basename(dirname(file))}.`;
    return { broker: kafka({ brokers: kafkaBrokers, prefix }), coordination: memoryCoordination() };
  },
  memory: () => ({ broker: memory(), coordination: memoryCoordination() }),
  redis: ({ file }) => {
    const options = { url: redisUrl, namespace: basename(dirname(file)) };
    return { broker: redis(options), coordination: redisCoordination(options) };
  },
  sqlite: ({ file }) => ({ broker: sqlite({ file }), coordination: sqliteCoordination({ file }) }),
  mongo: openMongo,
  postgres: openPostgres,
  'rabbitmq-quorum': () => ({ broker: ownRabbit('quorum'), coordination: memoryCoordination() }),
  'rabbitmq-classic': () => ({ broker: ownRabbit('classic'), coordination: memoryCoordination() }),
};

/** Queues of its own, which the server removes by itself; without priorities, as the peers' are. */
const ownRabbit = (type) =>
  rabbitmq({
    url: process.env.AMQP_URL ?? 'amqp://localhost',
    prefix: `bench-${randomUUID()}-`,
    type,
    priorities: 0,
    arguments: { 'x-expires': 600_000 },
  });

/** `file` is where a broker on a file keeps its tasks. */
export function openBroker(name, { file } = {}) {
  return OPEN[name]({ file: file ?? temporaryFile() });
}

/** In a folder that goes with the process. */
export function temporaryFile() {
  const folder = mkdtempSync(join(tmpdir(), 'funq-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'funq.db');
}
