import { randomUUID } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { afterEach, expect, it } from 'vitest';
import type { Broker, Delivery, Subscription } from 'nestjs-funq';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();

withService('kafka', (brokers) => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  });
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] });

  async function open(options: Partial<KafkaOptions> = {}): Promise<Broker> {
    const broker = kafka({ brokers, session: 3000, partitions: 1, delays: false, ...options });
    await broker.connect({ clock });
    endings.push(() => broker.close());
    return broker;
  }

  const publish = async (broker: Broker, queue: string, bodies: readonly string[]): Promise<unknown> =>
    broker.publish(
      queue,
      bodies.map((body) => ({ id: randomUUID(), body: Buffer.from(body) })),
    );

  /** What came until `enough` or the end of `patience`; errors are noted. */
  async function collect(
    subscription: Subscription,
    enough: number,
    patience: number,
    errors: unknown[] = [],
  ): Promise<string[]> {
    const seen: string[] = [];
    for (const end = clock.monotonic() + patience; seen.length < enough && clock.monotonic() < end;) {
      const taken: Delivery[] = await subscription
        .receive(100, AbortSignal.timeout(1000))
        .catch(async (error: unknown) => {
          errors.push(error);
          await clock.sleep(300);
          return [];
        });
      seen.push(...taken.map(({ body }) => Buffer.from(body).toString()));
      if (taken.length > 0) await subscription.ack(taken);
    }
    return seen;
  }

  it('a partition that is added while the topic is consumed is consumed, too', { timeout: 100_000 }, async () => {
    const [queue, broker] = [randomUUID(), await open()];
    const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 3000 });
    await publish(broker, queue, ['a']);
    expect(await collect(subscription, 1, 20_000)).toEqual(['a']);
    const [node] = (await admin.metadata({ topics: [queue] })).brokers.keys();
    const assignments = [1, 2, 3].map(() => ({ brokerIds: [node!] }));
    await admin.createPartitions({ topics: [{ name: queue, count: 4, assignments }] });
    const other = await open();
    await clock.sleep(1000);
    await publish(other, queue, ['b', 'c', 'd', 'e']);
    expect((await collect(subscription, 4, 60_000)).toSorted()).toEqual(['b', 'c', 'd', 'e']);
  });

  it.each([
    ['more messages than', 15],
    ['fewer messages than', 1],
  ])(
    'a topic that is deleted and created anew, with %s it had, is consumed from its beginning',
    { timeout: 100_000 },
    async (_, count) => {
      const [queue, broker] = [randomUUID(), await open()];
      const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 3000 });
      const old = Array.from({ length: 10 }, (_, n) => `old${n}`);
      await publish(broker, queue, old);
      expect((await collect(subscription, 10, 20_000)).length).toBe(10);
      const other = await open();
      await admin.deleteTopics({ topics: [queue] });
      await clock.sleep(200);
      const names = Array.from({ length: count }, (_, n) => `new${n}`);
      await expect.poll(() => publish(other, queue, names).catch(String), { timeout: 20_000 }).toEqual([]);
      expect(await collect(subscription, count, 20_000, [])).toEqual(names);
    },
  );

  it(
    'a partition that can not be read holds up no other, and goes on where its log ends',
    { timeout: 60_000 },
    async () => {
      const queue = randomUUID();
      await admin.createTopics({ topics: [queue], partitions: 2, replicas: 1 });
      const topics = [{ name: queue, partitionOffsets: [{ partition: 0, offset: 1000n }] }];
      await admin.alterConsumerGroupOffsets({ groupId: `funq.${queue}`, topics } as never);
      const broker = await open();
      await publish(broker, queue, ['a', 'b', 'c', 'd']);
      const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 3000 });
      const errors: unknown[] = [];
      const seen = await collect(subscription, 2, 10_000, errors);
      expect(seen.length).toBe(2);
      await publish(broker, queue, ['e', 'f', 'g', 'h']);
      seen.push(...(await collect(subscription, 4, 10_000, errors)));
      expect(seen.slice(2).toSorted()).toEqual(['e', 'f', 'g', 'h']);
    },
  );

  it('a node with many partitions that are full serves them all alike', { timeout: 60_000 }, async () => {
    const [queue, broker] = [randomUUID(), await open({ partitions: 8 })];
    const body = Buffer.alloc(700_000);
    for (let n = 0; n < 10; n++)
      await Promise.all(Array.from({ length: 8 }, () => broker.publish(queue, [{ id: randomUUID(), body }])));
    const subscription = await broker.subscribe(queue, { prefetch: 100, lease: 3000 });
    const seen: number[] = [];
    while (seen.length < 80) {
      const taken = await subscription.receive(100, AbortSignal.timeout(5000));
      seen.push(...taken.map(({ receipt }) => (receipt as { window: { partition: number } }).window.partition));
      await subscription.ack(taken);
    }
    expect(new Set(seen.slice(0, 32)).size).toBe(8);
  });
});
