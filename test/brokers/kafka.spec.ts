import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

const MAX_MESSAGE = 2 * 2 ** 20;

withService('kafka', (brokers) => {
  // A consumer that was killed is noticed by its silence: the shorter the session, the shorter the test.
  const shared: KafkaOptions = { brokers, session: 3000, maxMessageBytes: MAX_MESSAGE };
  // Those that were killed in the one suite move no delays of the other.
  const options: KafkaOptions = { ...shared, partitions: 1, prefix: `one-${randomUUID().slice(0, 8)}-` };
  const more: KafkaOptions = { ...shared, partitions: 4, prefix: `four-${randomUUID().slice(0, 8)}-` };
  const workers = {
    module: new URL('../../dist/brokers/kafka.js', import.meta.url),
    export: 'kafka',
    argument: options,
  };
  const refused = { id: 'too large', body: new Uint8Array(MAX_MESSAGE) };
  const kit = { lease: false, pulse: true, partitioned: true, tolerance: 4000, patience: 20_000, refused } as const;
  const one = brokerConformance({ ...kit, create: () => kafka(options), workers, storm: 500 });
  conforms('kafka, one partition', one, { describe, it });
  conforms('kafka, four partitions', brokerConformance({ ...kit, create: () => kafka(more) }), { describe, it });
});
