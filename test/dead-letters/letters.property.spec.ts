import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonCodec, type Broker } from 'nestjs-funq';
import { DeadLetters } from '../../lib/core/dead-letters/dead-letters.js';
import { Events } from '../../lib/core/events.js';
import { Outbox } from '../../lib/core/outbox.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { bodies, putRaw } from '../bad-input/queues.js';
import { envelopes } from '../core/arbitraries.js';
import { BROKERS } from './support.js';

const codec = new JsonCodec();
const never = new AbortController().signal;
const all = { where: () => true, limit: Infinity, signal: never };

const queue = fc.constantFrom('a', 'b', 'c');
const errors = fc.array(
  fc.record({ name: fc.string(), message: fc.string(), attempt: fc.integer({ min: 1, max: 99 }), at: fc.nat() }),
  { maxLength: 5 },
);
const base = {
  v: fc.constant(1),
  queue,
  reason: fc.string(),
  code: fc.constantFrom('failed', 'poison'),
  diedAt: fc.nat(),
  errors,
};
const letters = fc.oneof(
  fc.record({ ...base, envelope: envelopes }),
  fc.record({ ...base, raw: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString('base64')) }),
);
/** What may lie in a dead-letter queue: letters, and anything else. */
const messages = fc.oneof(
  { weight: 5, arbitrary: letters.map((letter) => codec.encodeDeadLetter(letter)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }) },
);

async function graves(broker: Broker): Promise<DeadLetters> {
  const clock = new SystemClock();
  await broker.connect({ clock });
  const events = new Events();
  const outbox = new Outbox({ name: 'default', broker, clock, events, publishTimeout: 5000 });
  return new DeadLetters({ name: 'default', outbox, codec, clock, events, maxPayload: 2 ** 20 });
}

/** All that waits, without a wait where nothing does. */
async function drained(broker: Broker, name: string): Promise<Uint8Array[]> {
  if ((await broker.count!(name)) === 0) return [];
  if (broker.kind === 'memory') return bodies(broker, name);
  const subscription = await broker.subscribe(name, { prefetch: 1000, lease: 10_000 });
  const found: Uint8Array[] = [];
  while ((await broker.count!(name)) > 0) {
    const deliveries = await subscription.receive(1000, never);
    found.push(...deliveries.map(({ body }) => body));
    await subscription.ack(deliveries);
  }
  await subscription.close();
  return found;
}

const hex = (list: readonly Uint8Array[]): string[] => list.map((body) => Buffer.from(body).toString('hex'));

describe.each(BROKERS)('any dead letters on %s', (_kind, create) => {
  it('are each replayed, or left as they were in their order, and never lost or doubled', async () => {
    const broker = create();
    const dead = await graves(broker);
    await fc.assert(
      fc.asyncProperty(
        fc.array(messages, { maxLength: 30 }),
        fc.integer({ min: 0, max: 30 }),
        queue,
        async (put, limit, chosen) => {
          if (put.length > 0) await putRaw(broker, 'dead', put);
          const before = await dead.list('dead', { ...all, limit: 500 });
          expect(before).toHaveLength(put.length);
          const meant = before.filter((letter) => letter.queue === chosen).slice(0, limit);
          const sent = await dead.replay('dead', { ...all, where: (letter) => letter.queue === chosen, limit });
          expect(sent).toBe(meant.length);

          const tasks = await drained(broker, chosen);
          expect(tasks).toHaveLength(sent);
          for (const letter of meant.filter(({ envelope }) => envelope)) {
            const again = tasks.map((body) => safely(body)).filter((task) => task?.id === letter.envelope!.id);
            expect(again.map((task) => task!.attempt)).toContain(1);
            expect(again.every((task) => !task!.reply && !task!.deliveries && !task!.requeues)).toBe(true);
            if (letter.errors.length > 0) expect(again.map((task) => task!.errors)).toContainEqual(letter.errors);
          }
          const sentIds = meant.map(({ id }) => id);
          const kept = hex(put.filter((_, n) => !taken(before[n]!.id, sentIds)));
          expect(hex(await drained(broker, 'dead'))).toEqual(kept);
        },
      ),
      { numRuns: 60 },
    );
    await broker.close();
  });
});

function taken(id: string, ids: string[]): boolean {
  const at = ids.indexOf(id);
  if (at >= 0) ids.splice(at, 1);
  return at >= 0;
}

function safely(body: Uint8Array) {
  try {
    return codec.decode(body);
  } catch {
    return undefined;
  }
}
