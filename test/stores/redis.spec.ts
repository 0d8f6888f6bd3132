import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { conforms, coordinationConformance } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';
import { emptied } from '../redis/emptied.js';

withService('redis', (url) => {
  const options = { url, namespace: `test-${randomUUID()}` };
  emptied(options);
  conforms('coordination', coordinationConformance({ create: () => redisCoordination(options) }), { describe, it });
});
