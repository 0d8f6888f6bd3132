import { JsonCodec, type Delivery } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { Events } from '../../lib/core/events.js';
import { openTask } from '../../lib/core/consuming/open-task.js';
import { createPolicy } from '../../lib/core/options/policy.js';
import { verdict } from '../../lib/core/consuming/quarantine.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { engine } from './engine.js';

const codec = new JsonCodec();
const host = {
  clock: new SystemClock(),
  events: new Events(),
  stopping: new AbortController().signal,
  findable: true,
  began: () => undefined,
  called: () => undefined,
  idle: () => undefined,
};

/** A delivery as a broker hands it out after so many deaths, and earlier copies after so many more. */
function judged(redelivered: number, deliveries: number, maxDeliveries: number, own?: number): string {
  const envelope = {
    v: 1,
    id: 'a',
    args: [],
    publishedAt: 0,
    attempt: 1,
    deliveries,
    ...(own && { options: { maxDeliveries: own } }),
  };
  const delivery: Delivery = { body: codec.encode(envelope), receipt: 0, redelivered };
  return verdict(openTask(delivery, createPolicy('Test.run', { maxDeliveries }), codec, 10_000, host));
}

describe('a task that was in hand at deaths', () => {
  it.each([
    // deaths of this copy, of earlier ones, the limit, the task's own limit
    [0, 0, 5, undefined, 'clean'],
    [2, 0, 5, undefined, 'clean'],
    [3, 0, 5, undefined, 'suspect'],
    [4, 0, 5, undefined, 'suspect'],
    [5, 0, 5, undefined, 'poison'],
    [1_000_000, 0, 5, undefined, 'poison'],
    [0, 5, 5, undefined, 'poison'],
    [2, 2, 5, undefined, 'suspect'],
    [2, 3, 5, undefined, 'poison'],
    [0, 0, 1, undefined, 'clean'],
    [1, 0, 1, undefined, 'poison'],
    [0, 0, 2, undefined, 'clean'],
    [1, 0, 2, undefined, 'suspect'],
    [2, 0, 2, undefined, 'poison'],
    [97, 0, 100, undefined, 'clean'],
    [98, 0, 100, undefined, 'suspect'],
    [100, 0, 100, undefined, 'poison'],
    [3, 0, 5, 3, 'poison'],
    [5, 0, 5, 20, 'clean'],
    [0, Number.MAX_SAFE_INTEGER, 5, undefined, 'poison'],
  ] as const)('%d + %d of %d (own limit %s) is %s', (redelivered, deliveries, limit, own, expected) => {
    expect(judged(redelivered, deliveries, limit, own)).toBe(expected);
  });

  it('is put away at the limit, unread bodies of the same deaths too, while the others are done', async () => {
    const deaths = (body: Uint8Array): number => (Buffer.from(body).toString().includes('poison') ? 5 : 0);
    const faults = {
      receive: async (
        next: (max: number, signal: AbortSignal) => Promise<Delivery[]>,
        max: number,
        signal: AbortSignal,
      ) => (await next(max, signal)).map((delivery) => ({ ...delivery, redelivered: deaths(delivery.body) })),
    };
    const seen: unknown[] = [];
    const { worker, clock, publish, outbox, told, deadLetters, stop } = await engine(
      ({ args }) => void seen.push(args[0]),
      { faults },
    );
    for (const value of ['a', 'poison', 'b', 'poison', 'c']) await publish(value);
    await outbox.publish('work', { id: 'x', body: Buffer.from('poison, and no JSON') });
    worker.start();
    await clock.advance(5000);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect((await deadLetters()).map(({ code }) => code).toSorted()).toEqual(['poison', 'poison', 'undecodable']);
    expect(told('dead')).toHaveLength(3);
    expect(told('settleFailed')).toEqual([]);
    await stop();
  });
});
