import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { sqliteCoordination, sqliteResults } from 'nestjs-funq/stores/sqlite';
import { conforms, coordinationConformance, resultConformance } from 'nestjs-funq/testing';

const folder = mkdtempSync(join(tmpdir(), 'funq-stores-'));
const file = join(folder, 'stores.db');
const runner = { describe, it };
const followsClock = true;

conforms('memory coordination', coordinationConformance({ create: memoryCoordination, followsClock }), runner);
conforms('memory results', resultConformance({ create: memoryResults, followsClock }), runner);
conforms(
  'sqlite coordination',
  coordinationConformance({ create: () => sqliteCoordination({ file }), followsClock }),
  runner,
);
conforms('sqlite results', resultConformance({ create: () => sqliteResults({ file }), followsClock }), runner);

afterAll(() => rmSync(folder, { recursive: true, force: true }));
