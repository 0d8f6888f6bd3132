import { backlog } from './backlog.mjs';
import { controls, memory } from './memory.mjs';
import { publish } from './publish.mjs';
import { queues } from './queues.mjs';
import { rates } from './rates.mjs';
import { redisBacklog, redisConsume, redisLatency, redisPublish, redisQueues } from './redis.mjs';
import { sqliteConsume, sqlitePublish } from './sqlite.mjs';
import { ask, latency } from './waiting.mjs';

export const SUITES = [
  memory, controls, publish, sqliteConsume, sqlitePublish, backlog, queues, latency, ask, rates,
  redisConsume, redisPublish, redisLatency, redisQueues, redisBacklog,
]; // prettier-ignore
