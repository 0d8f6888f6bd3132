import type { Broker } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { describe, expect, it } from 'vitest';
import { Events } from '../../lib/core/events.js';
import { Outbox } from '../../lib/core/outbox.js';
import { faulty } from './faulty-broker.js';

/** An outbox whose broker stores as a test says, and when and how each publish ended. */
function outboxOf(store: (queue: string) => Promise<void>) {
  const clock = new ManualClock();
  const publish: Broker['publish'] = async (queue) => (await store(queue), []);
  const broker = faulty(memory(), { publish: (_next, ...what) => publish(...what) });
  const outbox = new Outbox({ name: 'default', broker, clock, events: new Events(), publishTimeout: 5000 });
  const ends: [string, number, string][] = [];
  return {
    clock,
    outbox,
    ends,
    publish: (queue: string, id: string) =>
      outbox.publish(queue, { id, body: new Uint8Array() }).then(
        () => void ends.push([id, clock.monotonic(), 'stored']),
        (error: { code: string }) => void ends.push([id, clock.monotonic(), error.code]),
      ),
  };
}

describe('an outbox', () => {
  it('keeps nobody waiting longer than two calls that hang, however many stand before', async () => {
    let hangs = true;
    let calls = 0;
    const { clock, ends, publish } = outboxOf(async () => {
      calls++;
      if (hangs) await new Promise(() => undefined);
    });
    void publish('q', 'first');
    await clock.advance(1000);
    for (let n = 0; n < 2000; n++) void publish('q', `${n}`);
    await clock.advance(8999);
    hangs = false;
    void publish('q', 'last');
    await clock.advance(20_000);
    const told = ends.map(([id, ...how]) => [id === 'first' || id === 'last' ? id : 'between', ...how].join());
    expect([...new Set(told)]).toEqual([
      'first,5000,FUNQ_PUBLISH_TIMEOUT',
      'between,10000,FUNQ_PUBLISH_TIMEOUT',
      'last,10000,stored',
    ]);
    expect([ends.length, calls, clock.pending]).toEqual([2002, 3, 0]);
  });

  it('takes nothing more when it closes, and waits for what is under way', async () => {
    let answer = (): void => undefined;
    const { clock, outbox, ends, publish } = outboxOf(() => new Promise<void>((resolve) => (answer = resolve)));
    void publish('one', 'a');
    await clock.advance(0);
    let closed = NaN;
    const closing = outbox.close().then(() => (closed = clock.monotonic()));
    void publish('one', 'b');
    void publish('other', 'c');
    await clock.advance(100);
    answer();
    await closing;
    expect(ends).toEqual([
      ['b', 0, 'FUNQ_CLOSED'],
      ['c', 0, 'FUNQ_CLOSED'],
      ['a', 100, 'stored'],
    ]);
    expect(closed).toBe(100);
  });
});
