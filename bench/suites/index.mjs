import { backlog } from './backlog.mjs';
import { controls, memory } from './memory.mjs';
import { microserviceEvents, microserviceSend } from './microservice.mjs';
import { postgresBacklog, postgresConsume, postgresLatency, postgresPublish } from './postgres.mjs';
import { publish } from './publish.mjs';
import { queues } from './queues.mjs';
import { rates } from './rates.mjs';
import { sqliteConsume, sqlitePublish } from './sqlite.mjs';
import { ask, latency } from './waiting.mjs';

export const SUITES = [
  memory, controls, publish, sqliteConsume, sqlitePublish, backlog, queues, latency, ask, rates, microserviceSend, microserviceEvents,
  postgresConsume, postgresPublish, postgresLatency, postgresBacklog,
]; // prettier-ignore
