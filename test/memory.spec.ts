import { beforeEach, describe, expect, it } from 'vitest';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import type { Broker, Delivery, Outgoing, Subscription } from '../lib/contracts/broker.js';
import type { TaskResult } from '../lib/contracts/stores.js';

const message = (text: string, extra: Partial<Outgoing> = {}): Outgoing => ({
  id: text,
  body: Buffer.from(text),
  ...extra,
});
const texts = (deliveries: readonly Delivery[]): string => deliveries.map(({ body }) => Buffer.from(body)).join(' ');
const options = { prefetch: 100, lease: 1000 };

describe('memory', () => {
  let clock: ManualClock;
  let broker: Broker;
  let subscription: Subscription;
  const never = new AbortController().signal;
  const now = AbortSignal.abort();

  beforeEach(async () => {
    clock = new ManualClock();
    broker = memory();
    await broker.connect({ clock });
    subscription = await broker.subscribe('q', options);
  });

  it('answers [] after exactly five seconds', async () => {
    let answer: Delivery[] | undefined;
    void subscription.receive(1, never).then((deliveries) => (answer = deliveries));
    await clock.advance(4999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(answer).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('hands out what is delayed at its moment, with one timer for all of it', async () => {
    const delays = Array.from({ length: 1000 }, (_, index) => 4000 - index);
    await broker.publish(
      'q',
      delays.map((delay) => message(`${delay}`, { delay })),
    );
    expect(clock.pending).toBe(0);
    const receiving = subscription.receive(2, never);
    expect(clock.pending).toBe(1);
    await broker.publish('q', [message('first', { delay: 2000.5 })]);
    expect(clock.pending).toBe(1);
    await clock.advance(2000);
    expect(await broker.count?.('q')).toBe(0);
    await clock.advance(0.5);
    expect(texts(await receiving)).toBe('first');
    await clock.advance(2000);
    expect(await broker.count?.('q')).toBe(1000);
    expect(texts(await subscription.receive(3, never))).toBe('3001 3002 3003');
  });

  it('keeps the order of what comes due at once', async () => {
    await broker.publish('q', [message('a', { delay: 50 }), message('b', { delay: 50 }), message('c', { delay: 50 })]);
    await clock.advance(50);
    expect(texts(await subscription.receive(9, never))).toBe('a b c');
  });

  it('leaves no timer behind when it closes', async () => {
    await broker.publish('q', [message('later', { delay: 3000 })]);
    const receiving = subscription.receive(1, never);
    expect(clock.pending).toBe(1);
    await broker.close();
    expect(await receiving).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('gathers what is published in one turn', async () => {
    const receiving = subscription.receive(10, never);
    void broker.publish('q', [message('a')]);
    void broker.publish('q', [message('b')]);
    expect(texts(await receiving)).toBe('a b');
  });

  it('serves those who wait in the order of their coming', async () => {
    const other = await broker.subscribe('q', options);
    const receiving = [subscription.receive(1, never), other.receive(5, never)];
    await broker.publish('q', [message('a'), message('b'), message('c')]);
    expect((await Promise.all(receiving)).map(texts)).toEqual(['a', 'b c']);
  });

  it('puts what a closed subscription held back in its old place', async () => {
    await broker.publish(
      'q',
      ['a', 'b', 'c', 'd', 'e'].map((text) => message(text)),
    );
    const held = await subscription.receive(4, never);
    await subscription.ack([held[1]!]);
    await subscription.release([held[3]!]);
    await subscription.close();
    const next = await broker.subscribe('q', options);
    const again = await next.receive(9, never);
    expect(texts(again)).toBe('a c d e');
    expect(again.map(({ redelivered }) => redelivered)).toEqual([1, 1, 0, 0]);
    expect(await subscription.ack(held)).toEqual(held);
    expect(await next.ack(again)).toEqual([]);
  });

  it('drops what has expired, also when nobody fetches it', async () => {
    const batch = Array.from({ length: 3000 }, (_, index) => message(`${index}`, { ttl: 100 }));
    await broker.publish('q', batch);
    await clock.advance(100);
    await broker.publish('q', batch);
    expect(await broker.count?.('q')).toBe(3000);
    await clock.advance(100);
    await broker.publish('q', [message('fresh', { ttl: 100 })]);
    expect(texts(await subscription.receive(9, never))).toBe('fresh');
    expect(await subscription.receive(9, now)).toEqual([]);
  });

  it('keeps what waits through close and connect', async () => {
    await broker.publish('q', [message('a'), message('b')]);
    await subscription.receive(1, never);
    await broker.close();
    await expect(broker.count!('q')).rejects.toThrow('not connected');
    await broker.connect({ clock });
    expect(texts(await (await broker.subscribe('q', options)).receive(9, never))).toBe('a b');
  });

  it('shares queues with another broker, and forgets those that nobody uses', async () => {
    const queues: MemoryQueues = new Map();
    const [first, second] = [memory({ queues }), memory({ queues })];
    await Promise.all([first.connect({ clock }), second.connect({ clock })]);
    const consumer = await second.subscribe('q', options);
    await first.publish('q', [message('a')]);
    await first.close();
    await consumer.ack(await consumer.receive(1, never));
    await second.publish('q', [message('b')]);
    await second.publish('r', [message('c')]);
    await consumer.close();
    expect([...queues.keys()]).toEqual(['q', 'r']);
    expect(await second.purge?.('q')).toBe(1);
    expect([...queues.keys()]).toEqual(['r']);
    expect(await second.count?.('unknown')).toBe(0);
    expect(queues.size).toBe(1);
  });
});

describe('the memory stores', () => {
  const times = { publishedAt: 1, startedAt: 2, finishedAt: 3 };
  const plain = { queue: 'q', status: 'done', attempts: 1, host: 'h', pid: 1 } as const;
  const result = (id: string): TaskResult => ({ id, ...plain, ...times });

  it('keep as many results as they are told, the latest ones', async () => {
    const store = memoryResults({ limit: 3 });
    await store.connect({ clock: new ManualClock() });
    await store.save(['a', 'b', 'c'].map(result));
    await store.save(['a', 'd', 'e'].map(result));
    expect((await store.query({})).map(({ id }) => id).toSorted()).toEqual(['a', 'd', 'e']);
  });

  it('still answer right when many keys came and went', async () => {
    const clock = new ManualClock();
    const store = memoryCoordination();
    await store.connect({ clock });
    await store.claim('kept', 'a', 1e9);
    for (let round = 0; round < 20; round++) {
      for (let key = 0; key < 1000; key++) await store.claim(`${round}/${key}`, 'a', 10);
      await clock.advance(10);
    }
    expect((await store.claim('kept', 'b', 1)).state).toBe('running');
    expect((await store.claim('0/0', 'b', 1)).state).toBe('claimed');
    expect((await store.claim('19/999', 'b', 1)).state).toBe('claimed');
  });
});
