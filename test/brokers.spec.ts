import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { brokerConformance, conforms, type WorkerModule } from 'nestjs-funq/testing';

const folder = mkdtempSync(join(tmpdir(), 'funq-brokers-'));
const file = join(folder, `${randomUUID()}.db`);

/** How the killed processes make their broker: the function `name` of the built `brokers/<name>.js`. */
const built = (name: string, argument: unknown): WorkerModule => ({
  module: new URL(`../dist/brokers/${name}.js`, import.meta.url),
  export: name,
  argument,
});

conforms('memory', brokerConformance({ create: memory, lease: false }), { describe, it });
const workers = built('sqlite', { file });
conforms('sqlite', brokerConformance({ create: () => sqlite({ file }), pulse: true, workers }), { describe, it });

afterAll(() => rmSync(folder, { recursive: true, force: true }));
