import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { mongo } from 'nestjs-funq/mongo';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { startPrivate, type PrivateServer } from '../../scripts/services/index.mjs';
import { withService } from '../services/service.js';

withService('mongo', (url) => {
  const options = { url, collection: `t${randomUUID().slice(0, 8)}` };
  const refused = { id: randomUUID(), body: Buffer.alloc(16 * 2 ** 20) };
  const workers = {
    module: new URL('../../dist/brokers/mongo.js', import.meta.url),
    export: 'mongo',
    argument: options,
  };
  // A server that stands in for MongoDB has no indexes, so it takes long for what waits in thousands.
  const size = { soak: 3000, storm: 1000 };
  conforms('mongo', brokerConformance({ create: () => mongo(options), pulse: true, workers, refused, ...size }), {
    describe,
    it,
  });

  describe('with a server of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'funq-mongo-'));
    let server: PrivateServer | undefined;
    beforeAll(async () => {
      server = await startPrivate('mongo', { folder });
    }, 60_000);
    afterAll(async () => {
      await server?.close();
      rmSync(folder, { recursive: true, force: true });
    });
    // The first one is only asked for its features.
    const create = () => mongo({ url: server?.url ?? url });
    const cases = brokerConformance({ create, pulse: true, restart: () => server!.restart() });
    conforms(
      'mongo',
      cases.filter(({ name }) => name.startsWith('restart')),
      { describe, it },
    );
  });
});
