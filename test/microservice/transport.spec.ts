import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { kafka } from 'nestjs-funq/kafka';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { postgres } from 'nestjs-funq/postgres';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';
import { withService } from '../services/service.js';
import { transportBehaviours } from './behaviours.js';

const folder = mkdtempSync(join(tmpdir(), 'funq-transport-'));
const file = join(folder, `${randomUUID()}.db`);
const queues: MemoryQueues = new Map();

describe('memory', () => transportBehaviours(() => memory({ queues })));
describe('sqlite', () => transportBehaviours(() => sqlite({ file })));
withService('redis', (url) => transportBehaviours(() => redis({ url })));
withService('rabbitmq', (url) => {
  transportBehaviours(() => rabbitmq({ url }));
  describe('with wildcards', () => transportBehaviours(() => rabbitmq({ url, wildcards: true })));
});
withService('postgres', (url) => transportBehaviours(() => postgres({ url })));
withService('kafka', (brokers) => transportBehaviours(() => kafka({ brokers: brokers.split(',') })));

afterAll(() => rmSync(folder, { recursive: true, force: true }));
