import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { createEnvelope } from '../../lib/core/envelope.js';
import { QUEUE, engine } from './engine.js';

it('a poisonous task keeps the errors that it had before its consumers died', async () => {
  const { codec, clock, outbox, worker, deadLetters, stop } = await engine(() => undefined);
  const errors = [{ name: 'Error', message: 'run 1', attempt: 1, at: 7 }];
  const envelope = { ...createEnvelope({ args: [], publishedAt: 0 }), attempt: 2, errors, deliveries: 5 };
  await outbox.publish(QUEUE, { id: randomUUID(), body: codec.encode(envelope) });
  worker.start();
  await clock.advance(0);
  expect(await deadLetters()).toMatchObject([{ code: 'poison', errors }]);
  await stop();
});
