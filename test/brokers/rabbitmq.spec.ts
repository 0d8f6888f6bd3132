import { describe, it } from 'vitest';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { brokerConformance, conforms, type BrokerConformanceOptions } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

/** Longer than anything that can be waited for. */
const TOO_LATE = { id: 'too-late', body: Buffer.from('never'), delay: 2 ** 52 };

withService('rabbitmq', (url) => {
  // What the kit leaves behind goes by itself.
  const base: RabbitOptions = { url, arguments: { 'x-expires': 120_000 } };
  const kit = (options: RabbitOptions, more: Partial<BrokerConformanceOptions>): BrokerConformanceOptions => ({
    create: () => rabbitmq({ ...base, ...options }),
    lease: false,
    purgesDelayed: false,
    refused: TOO_LATE,
    workers: {
      module: new URL('../../dist/brokers/rabbitmq.js', import.meta.url),
      export: 'rabbitmq',
      argument: { ...base, ...options },
    },
    ...more,
  });
  conforms('quorum queues', brokerConformance(kit({ prefix: 'q-' }, { keepsPlace: false })), { describe, it });
  conforms('classic queues', brokerConformance(kit({ type: 'classic', prefix: 'c-' }, { topPriority: 10 })), {
    describe,
    it,
  });
  const wildcards = true;
  conforms(
    'quorum queues with wildcards',
    brokerConformance(kit({ prefix: 'qw-', wildcards }, { keepsPlace: false })),
    { describe, it },
  );
  conforms(
    'classic queues with wildcards',
    brokerConformance(kit({ type: 'classic', prefix: 'cw-', wildcards }, { topPriority: 10 })),
    { describe, it },
  );
});
