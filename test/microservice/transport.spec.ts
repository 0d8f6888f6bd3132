import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { transportBehaviours } from './behaviours.js';

const folder = mkdtempSync(join(tmpdir(), 'funq-transport-'));
const file = join(folder, `${randomUUID()}.db`);
const queues: MemoryQueues = new Map();

describe('memory', () => transportBehaviours(() => memory({ queues })));
describe('sqlite', () => transportBehaviours(() => sqlite({ file })));

afterAll(() => rmSync(folder, { recursive: true, force: true }));
