import { kafka } from './kafka.mjs';
import { mongo } from './mongo.mjs';
import { postgres } from './postgres.mjs';
import { rabbitmq } from './rabbitmq.mjs';
import { redis } from './redis.mjs';

/** Every server that tests need, one line each. */
export const SERVERS = { redis, rabbitmq, postgres, mongo, kafka };
