import { randomUUID } from 'node:crypto';
import { Admin, ConnectionPool } from '@platformatic/kafka';
import { afterEach, expect, it } from 'vitest';
import type { Broker, Delivery, Subscription } from 'nestjs-funq';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { fenced } from '../../lib/brokers/kafka/error.js';
import { KafkaMember } from '../../lib/brokers/kafka/member.js';
import type { KafkaSettings } from '../../lib/brokers/kafka/options.js';
import { seatIn } from '../../lib/brokers/kafka/seat.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { signal } from '../nest/support/app.js';
import { withService } from '../services/service.js';

/** The machine's clock, which can be told that time has passed in which nothing of this process ran. */
class LeapingClock extends SystemClock {
  #leapt = 0;

  override monotonic(): number {
    return super.monotonic() + this.#leapt;
  }

  leap(ms: number): void {
    this.#leapt += ms;
  }
}

const clock = new LeapingClock();
const PATIENCE = 20_000;
const never = new AbortController().signal;

withService('kafka', (brokers) => {
  const endings: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end().catch(() => undefined);
  });
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] });

  async function open(options: Partial<KafkaOptions> = {}): Promise<Broker> {
    const broker = kafka({ brokers, session: 3000, partitions: 1, ...options });
    await broker.connect({ clock });
    endings.push(() => broker.close());
    return broker;
  }

  async function publish(broker: Broker, queue: string, bodies: readonly string[], key?: string): Promise<void> {
    const messages = bodies.map((body) => ({
      id: randomUUID(),
      body: Buffer.from(body),
      ...(key !== undefined && { key }),
    }));
    expect(await broker.publish(queue, messages)).toEqual([]);
  }

  const subscribe = (broker: Broker, queue: string): Promise<Subscription> =>
    broker.subscribe(queue, { prefetch: 100, lease: 3000 });

  async function take(subscription: Subscription, count: number): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    for (const end = clock.monotonic() + PATIENCE; taken.length < count && clock.monotonic() < end;)
      taken.push(...(await subscription.receive(count - taken.length, never)));
    expect(taken.length).toBe(count);
    return taken;
  }

  /** The offset of partition 0 that any other tool sees. */
  async function committed(queue: string, group = 'funq'): Promise<bigint | undefined> {
    const groups = [{ groupId: `${group}.${queue}`, topics: [{ name: queue, partitionIndexes: [0] }] }];
    const [found] = await admin.listConsumerGroupOffsets({ groups });
    return found?.topics[0]?.partitions[0]?.committedOffset;
  }

  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);
  const texts = (deliveries: readonly Delivery[]): string[] =>
    deliveries.map(({ body }) => Buffer.from(body).toString());

  it(
    'commits the contiguous prefix only, and repeats nothing that was done behind it',
    { timeout: 60_000 },
    async () => {
      const [queue, broker] = [randomUUID(), await open()];
      await publish(broker, queue, names(10));
      const first = await subscribe(broker, queue);
      const taken = await take(first, 8);
      await first.ack([5, 1, 3].map((index) => taken[index]!));
      expect(await committed(queue)).toBe(0n);
      await first.ack([taken[0]!]);
      expect(await committed(queue)).toBe(2n);
      await first.ack([taken[2]!]);
      expect(await committed(queue)).toBe(4n);
      expect(await broker.count!(queue)).toBe(2);
      await first.close();
      expect(await broker.count!(queue)).toBe(5);
      const again = await take(await subscribe(broker, queue), 5);
      expect(texts(again)).toEqual(['m4', 'm6', 'm7', 'm8', 'm9']);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([1, 1, 1, 0, 0]);
    },
  );

  it('refuses what a member acknowledges that the group went on without', { timeout: 60_000 }, async () => {
    const [queue, broker] = [randomUUID(), await open()];
    await publish(broker, queue, names(6));
    const first = await subscribe(broker, queue);
    const taken = await take(first, 6);
    expect(await first.ack(taken.slice(0, 2))).toEqual([]);
    await admin.removeMembersFromConsumerGroup({ groupId: `funq.${queue}` });
    const late = taken.slice(2);
    expect(await first.ack(late)).toEqual(late);
    expect(await first.release(late)).toEqual(late);
    expect(await committed(queue)).toBe(2n);
    await first.close();
    expect(texts(await take(await subscribe(broker, queue), 4))).toEqual(texts(late));
  });

  it(
    'hands out nothing, after a long silence, before the group confirms what is its own',
    { timeout: 60_000 },
    async () => {
      const [queue, broker] = [randomUUID(), await open()];
      await publish(broker, queue, names(6));
      const subscription = await subscribe(broker, queue);
      expect(await subscription.ack(await take(subscription, 2))).toEqual([]);
      await admin.removeMembersFromConsumerGroup({ groupId: `funq.${queue}` });
      clock.leap(3000);
      const anew = await take(subscription, 4);
      expect(texts(anew)).toEqual(['m2', 'm3', 'm4', 'm5']);
      expect(await subscription.ack(anew)).toEqual([]);
    },
  );

  it(
    'moves a partition to another process when what is out of it has ended, and no task twice',
    { timeout: 60_000 },
    async () => {
      const [queue, broker, other] = [randomUUID(), await open({ partitions: 2 }), await open({ partitions: 2 })];
      await publish(broker, queue, names(40));
      const first = await subscribe(broker, queue);
      const running = await take(first, 40);
      const second = await subscribe(other, queue);
      expect(await second.receive(100, AbortSignal.timeout(2500))).toEqual([]);
      const back = running.filter((_, index) => index % 4 === 0);
      expect(await first.ack(running.filter((delivery) => !back.includes(delivery)))).toEqual([]);
      expect(await first.release(back)).toEqual([]);
      const [moved, stayed] = await Promise.all([take(second, 5), take(first, 5)]);
      expect(texts([...moved, ...stayed]).toSorted()).toEqual(texts(back).toSorted());
      expect([...(await second.ack(moved)), ...(await first.ack(stayed))]).toEqual([]);
    },
  );

  it('keeps the order of each key on any number of partitions', { timeout: 60_000 }, async () => {
    const [queue, broker] = [randomUUID(), await open({ partitions: 8 })];
    for (let n = 0; n < 20; n++)
      await Promise.all(
        ['a', 'b', 'c'].map((key) => publish(broker, queue, [`${key}${2 * n}`, `${key}${2 * n + 1}`], key)),
      );
    const seen = texts(await take(await subscribe(broker, queue), 120));
    for (const key of ['a', 'b', 'c'])
      expect(seen.filter((text) => text.startsWith(key))).toEqual(Array.from({ length: 40 }, (_, n) => `${key}${n}`));
  });

  it('gives every message to each group', { timeout: 60_000 }, async () => {
    const [queue, broker, other] = [randomUUID(), await open(), await open({ group: 'other' })];
    await publish(broker, queue, ['m']);
    expect(texts(await take(await subscribe(broker, queue), 1))).toEqual(['m']);
    const [delivery] = await take(await subscribe(other, queue), 1);
    await (await subscribe(other, queue)).close();
    expect(Buffer.from(delivery!.body).toString()).toBe('m');
    expect(await committed(queue, 'other')).toBe(0n);
  });

  it('what is to be stored is not, where the group formed anew before a connection was there', async () => {
    const [topic, client] = [randomUUID(), { clientId: 'test', bootstrapBrokers: [brokers] }];
    const pool = new ConnectionPool(client.clientId);
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
    let joined = (): void => undefined;
    const member = new KafkaMember({
      clock,
      client: client as unknown as KafkaSettings['client'],
      seat: seatIn(topic),
      topic,
      session: 3000,
      held: () => [],
      joined: () => joined(),
      answered: () => undefined,
      silent: () => undefined,
      failed: () => undefined,
    });
    endings.push(() => Promise.all([member.close(), pool.close()]));
    const formed = async (): Promise<void> => {
      const news = new Promise<void>((resolve) => (joined = resolve));
      await Promise.all([news, member.join()]);
    };
    await formed();
    const connected = signal<ConnectionPool>();
    const storing = member.commit(() => connected.promise, [{ partition: 0, offset: 1, text: '' }]);
    await formed();
    connected.resolve(pool);
    await expect(storing).rejects.toSatisfy(fenced);
  });
});
