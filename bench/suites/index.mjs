import { backlog } from './backlog.mjs';
import { mongoConsume, mongoPublish } from './mongo.mjs';
import { kafkaConsume, kafkaPublish } from './kafka.mjs';
import { controls, memory } from './memory.mjs';
import { microserviceEvents, microserviceSend } from './microservice.mjs';
import { postgresBacklog, postgresConsume, postgresLatency, postgresPublish } from './postgres.mjs';
import { publish } from './publish.mjs';
import { queues } from './queues.mjs';
import { rabbitmqConsume, rabbitmqLatency, rabbitmqPublish, rabbitmqQueues } from './rabbitmq.mjs';
import { rates } from './rates.mjs';
import { redisBacklog, redisConsume, redisLatency, redisPublish, redisQueues } from './redis.mjs';
import { sqliteConsume, sqlitePublish } from './sqlite.mjs';
import { ask, latency } from './waiting.mjs';

export const SUITES = [
  memory, controls, publish, sqliteConsume, sqlitePublish, backlog, queues, latency, ask, rates,
  microserviceSend, microserviceEvents,
  ...rabbitmqPublish, ...rabbitmqConsume, ...rabbitmqLatency, rabbitmqQueues,
  redisConsume, redisPublish, redisLatency, redisQueues, redisBacklog,
  postgresConsume, postgresPublish, postgresLatency, postgresBacklog,
  mongoConsume, mongoPublish,
  kafkaConsume, kafkaPublish,
]; // prettier-ignore
