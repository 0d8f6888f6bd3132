import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { mongoCoordination, mongoResults } from 'nestjs-funq/stores/mongo';
import { conforms, coordinationConformance, resultConformance } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

const runner = { describe, it };
const times = { publishedAt: 1, startedAt: 2, finishedAt: 3 };
const refused = {
  ...({ id: randomUUID(), queue: 'q', status: 'done', attempts: 1, host: 'h', pid: 1 } as const),
  ...times,
  value: Buffer.alloc(16 * 2 ** 20),
};

withService('mongo', (url) => {
  const options = { url, collection: `s${randomUUID().slice(0, 8)}` };
  conforms('mongo coordination', coordinationConformance({ create: () => mongoCoordination(options) }), runner);
  conforms(
    'mongo results',
    resultConformance({ create: () => mongoResults(options), followsClock: true, refused }),
    runner,
  );
});
