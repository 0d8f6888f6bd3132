import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { mongo } from 'nestjs-funq/mongo';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

withService('mongo', (url) => {
  const options = { url, collection: `t${randomUUID().slice(0, 8)}` };
  const refused = { id: randomUUID(), body: Buffer.alloc(16 * 2 ** 20) };
  const workers = {
    module: new URL('../../dist/brokers/mongo.js', import.meta.url),
    export: 'mongo',
    argument: options,
  };
  conforms('mongo', brokerConformance({ create: () => mongo(options), pulse: true, workers, refused }), {
    describe,
    it,
  });
});
