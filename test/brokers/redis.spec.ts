import { randomUUID } from 'node:crypto';
import { afterAll, describe, it } from 'vitest';
import { Redis } from 'ioredis';
import { redis } from 'nestjs-funq/redis';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

withService('redis', (url) => {
  const options = { url, namespace: `test-${randomUUID()}` };
  const module = new URL('../../dist/brokers/redis.js', import.meta.url);
  const workers = { module, export: 'redis', argument: options };
  conforms('conformance', brokerConformance({ create: () => redis(options), pulse: true, workers }), { describe, it });

  afterAll(async () => {
    const client = new Redis(url);
    for await (const keys of client.scanStream({ match: `${options.namespace}:*`, count: 1000 }))
      if ((keys as string[]).length > 0) await client.del(keys as string[]);
    client.disconnect();
  });
});
