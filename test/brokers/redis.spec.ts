import { randomUUID } from 'node:crypto';
import type { Broker } from 'nestjs-funq';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redis } from 'nestjs-funq/redis';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { emptied } from '../redis/emptied.js';
import { canStart, OwnServer } from '../redis/own-server.js';
import { withService } from '../services/service.js';

withService('redis', (url) => {
  const options = { url, namespace: `test-${randomUUID()}` };
  emptied(options);
  const module = new URL('../../dist/brokers/redis.js', import.meta.url);
  const workers = { module, export: 'redis', argument: options };
  describe.skipIf(!canStart)('on a server that is restarted', () => {
    let server: OwnServer;
    beforeAll(async () => {
      server = await OwnServer.create();
      await server.start();
    });
    afterAll(() => server.remove());
    const restart = async (): Promise<void> => {
      await server.stop();
      await server.start();
    };
    // The kit asks for a broker before there is an address.
    const create = (): Broker => redis({ url: server?.url });
    const cases = brokerConformance({ create, pulse: true, restart }).filter(({ name }) => name.startsWith('restart'));
    conforms('conformance', cases, { describe, it });
  });

  conforms('conformance', brokerConformance({ create: () => redis(options), pulse: true, workers }), { describe, it });
});
