import { describe } from 'vitest';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { withService } from '../services/service.js';
import { wildcardBehaviours } from './wildcard.behaviours.js';

withService('rabbitmq', (url) => {
  describe.each(['quorum', 'classic'] as const)('wildcards in %s queues', (type) =>
    wildcardBehaviours(() => rabbitmq({ url, type, wildcards: true, arguments: { 'x-expires': 60_000 } })),
  );
});
