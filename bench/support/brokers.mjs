import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { memory } from 'nestjs-funq/memory';
import { openPostgres } from './postgres.mjs';
import { sqlite } from 'nestjs-funq/sqlite';
import { redis } from 'nestjs-funq/redis';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';
import { redisUrl } from './redis.mjs';

/** How each broker is opened for a measurement, with a coordination store of its kind. Another broker is one line here. */
const OPEN = {
  memory: () => ({ broker: memory(), coordination: memoryCoordination() }),
  redis: ({ file }) => {
    const options = { url: redisUrl, namespace: basename(dirname(file)) };
    return { broker: redis(options), coordination: redisCoordination(options) };
  },
  sqlite: ({ file }) => ({ broker: sqlite({ file }), coordination: sqliteCoordination({ file }) }),
  postgres: openPostgres,
};

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
