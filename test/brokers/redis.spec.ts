import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { redis } from 'nestjs-funq/redis';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { emptied } from '../redis/emptied.js';
import { withService } from '../services/service.js';

withService('redis', (url) => {
  const options = { url, namespace: `test-${randomUUID()}` };
  emptied(options);
  const module = new URL('../../dist/brokers/redis.js', import.meta.url);
  const workers = { module, export: 'redis', argument: options };
  conforms('conformance', brokerConformance({ create: () => redis(options), pulse: true, workers }), { describe, it });
});
