import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Broker, Delivery } from 'nestjs-funq';
import type { RedisOptions } from 'nestjs-funq/redis';
import { expect, it } from 'vitest';
import { withService } from '../services/service.js';
import { emptied } from './emptied.js';
import { admin, atEnd, clock, message, opened, subscribe, taken, textsOf } from './opened.js';

const NEVER = new AbortController().signal;

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });
  const open = (more: RedisOptions = {}) => opened({ url, namespace, ...more });
  /** Everything in a queue, done. */
  const emptiedOut = async (broker: Broker, queue: string): Promise<string[]> => {
    const subscription = await subscribe(broker, queue);
    const deliveries: Delivery[] = await taken(subscription, Infinity, 300);
    await subscription.ack(deliveries);
    await subscription.close();
    return textsOf(deliveries);
  };

  it('stores a message once that is sent again while it waits, also while it is delayed', async () => {
    const broker = await open();
    const again = message('again');
    const later = message('later', { delay: 60_000 });
    for (let n = 0; n < 3; n++) expect(await broker.publish('resent', [again, later])).toEqual([]);
    expect(await broker.count!('resent')).toBe(1);
    expect(await broker.purge!('resent')).toBe(2);
  });

  it('stores what has the same id and another body, or takes the place of one that is handed out', async () => {
    const broker = await open();
    const id = 'the same';
    await broker.publish('copies', [message('a', { id })]);
    const subscription = await subscribe(broker, 'copies');
    const held = await taken(subscription, 1);
    await broker.publish('copies', [message('a', { id })]);
    await broker.publish('copies', [message('b', { id })]);
    expect(await subscription.ack(held)).toEqual([]);
    expect((await emptiedOut(broker, 'copies')).toSorted()).toEqual(['a', 'b']);
  });

  it('takes every id: blanks, control characters, any script, any length', async () => {
    const broker = await open();
    const ids = ['', ' ', 'a b', 'a\nb', '\0', '漢字', '%20', '%', '\ud800', '-1', 'x'.repeat(5000)];
    await broker.publish('ids', ids.map((id, n) => message(`${n}`, { id, unique: 60_000 }))); // prettier-ignore
    await broker.publish('ids', ids.map((id) => message('repeat', { id, unique: 60_000 }))); // prettier-ignore
    expect(await emptiedOut(broker, 'ids')).toEqual(ids.map((_, n) => `${n}`));
  });

  it('leaves nothing of a queue behind but how many messages it had', async () => {
    const broker = await open();
    const delayed = message('d', { delay: 1, ttl: 60_000, priority: 3 });
    await broker.publish('traces', [message('a'), message('b', { ttl: 60_000 }), delayed]);
    expect((await emptiedOut(broker, 'traces')).length).toBe(3);
    const client = admin(url);
    const keys = await client.keys(`${namespace}:{traces}:*`);
    expect(keys.map((key) => key.slice(key.lastIndexOf(':') + 1)).toSorted()).toEqual(['seq']);
  });

  it('leaves no consumer behind, and no channel, that was closed while it began to receive', async () => {
    const client = admin(url);
    const broker = await open();
    for (let steps = 0; steps < 12; steps++) {
      const subscription = await subscribe(broker, `began-${steps}`);
      const receiving = subscription.receive(1, new AbortController().signal);
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await subscription.close();
      expect(await receiving).toEqual([]);
      // It has been asked for by then, if at all.
      await broker.count!(`began-${steps}`);
    }
    expect(await client.keys(`${namespace}:{began-*`)).toEqual([]);
    expect(await client.pubsub('CHANNELS', `${namespace}:{began-*`)).toEqual([]);
  });

  it('does not count what expired, however much', async () => {
    const broker = await open();
    const many = Array.from({ length: 3500 }, (_, n) => message(`${n}`, { ttl: 1 }));
    await broker.publish('expired', [...many, message('wanted')]);
    await clock.sleep(5);
    expect(await broker.count!('expired')).toBe(1);
  });

  it('splits what is large, and hands it out in parts', async () => {
    const broker = await open();
    const body = Buffer.alloc(1_500_000, 'x');
    const many = Array.from({ length: 12 }, (_, n) =>
      message('', { body: Buffer.concat([body, Buffer.from(`${n}`)]) }),
    );
    expect(await broker.publish('large', many)).toEqual([]);
    const texts = textsOf(await taken(await subscribe(broker, 'large'), 12));
    expect(texts.map((text) => text.slice(body.length))).toEqual(many.map((_, n) => `${n}`));
  });

  it('asks for no more at once than a server lets wait for one who listens', { timeout: 30_000 }, async () => {
    const broker = await open({ options: { connectionName: 'heavy' } });
    const many = (count: number, size: number) =>
      Array.from({ length: count }, () => message('', { body: Buffer.alloc(size, 'x') }));
    const loads = [many(40, 1_200_000), ...Array.from({ length: 12 }, () => many(90, 45_000))];
    for (const [n, load] of loads.entries()) await broker.publish(`heavy-${n}`, load);
    const subscriptions = await Promise.all(loads.map((_, n) => subscribe(broker, `heavy-${n}`)));
    const receiving = subscriptions.map((each) => each.receive(100, new AbortController().signal));
    for (const deliveries of await Promise.all(receiving)) expect(deliveries.length).toBeGreaterThan(0);
  });

  it('asks for no more than that where large ones come after small ones', { timeout: 30_000 }, async () => {
    const broker = await open();
    const sizes = [...Array.from({ length: 10 }, () => 1), ...Array.from({ length: 45 }, () => 900_000)];
    const sent = sizes.map((size, n) => message('', { body: Buffer.alloc(size, n) }));
    await broker.publish('mixed', sent);
    const subscription = await subscribe(broker, 'mixed');
    const came: number[] = [];
    while (came.length < sent.length) {
      const deliveries = await subscription.receive(100, AbortSignal.timeout(5000));
      expect(deliveries.length).toBeGreaterThan(0);
      came.push(...deliveries.map(({ body }) => body[0]!));
      expect(await subscription.ack(deliveries)).toEqual([]);
    }
    expect(came).toEqual(sent.map((_, n) => n));
  });

  it('hands out what is large from many queues at once', { timeout: 30_000 }, async () => {
    const broker = await open();
    const queues = Array.from({ length: 60 }, (_, n) => `each-${n}`);
    const subscriptions = await Promise.all(queues.map((queue) => subscribe(broker, queue)));
    const bodies = queues.map((_, n) => Buffer.alloc(1_000_000, n));
    for (const [n, queue] of queues.entries()) await broker.publish(queue, [message('', { body: bodies[n]! })]);
    const receiving = subscriptions.map((each) => each.receive(1, NEVER));
    for (const [n, deliveries] of (await Promise.all(receiving)).entries())
      expect(Buffer.compare(deliveries[0]!.body, bodies[n]!)).toBe(0);
  });

  it('hands out what is larger than a server lets wait for one who listens', { timeout: 30_000 }, async () => {
    const broker = await open();
    const sizes = [1, 40_000_001, 3];
    const bodies = sizes.map((size) => randomBytes(size));
    await broker.publish('huge', bodies.map((body) => message('', { body }))); // prettier-ignore
    const subscription = await subscribe(broker, 'huge');
    const deliveries = await taken(subscription, 3, 20_000);
    expect(deliveries.map(({ body }, n) => Buffer.compare(body, bodies[n]!))).toEqual([0, 0, 0]);
    expect(await subscription.ack(deliveries)).toEqual([]);
  });

  it('works on a client of the app, with its key prefix and either protocol, and leaves it open', async () => {
    for (const protocol of [2, 3] as const) {
      const queue = `given-${protocol}`;
      const client = new Redis(url, { keyPrefix: `${namespace}:prefix:`, protocol });
      atEnd(() => client.disconnect());
      const broker = await opened({ client, namespace });
      const subscription = await subscribe(broker, queue);
      expect(subscription.pulse).toBeUndefined();
      const waiting = taken(subscription, 1, 10_000);
      await expect.poll(() => client.exists(`${namespace}:{${queue}}:waiters`), { timeout: 3000 }).toBe(1);
      const other = await opened({ client, namespace });
      const since = performance.now();
      await other.publish(queue, [message('m')]);
      expect(textsOf(await waiting)).toEqual(['m']);
      expect(performance.now() - since).toBeLessThan(1500);
      await other.close();
      await broker.close();
      expect(await client.ping()).toBe('PONG');
      client.disconnect();
    }
  });

  it('hears an answer that came while the event loop was blocked, however long', async () => {
    const broker = await open({ options: { commandTimeout: 200, connectionName: 'blocked' } });
    await broker.publish('blocked', [message('a')]);
    const client = admin(url);
    const connection = async () => /id=(\d+) .*name=blocked /.exec((await client.client('LIST')) as string)?.[1];
    const before = await connection();
    const publishing = broker.publish('blocked', [message('b')]);
    // It has been sent by then.
    for (let step = 0; step < 20; step++) await Promise.resolve();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    expect(await publishing).toEqual([]);
    expect(await connection()).toBe(before);
    expect(await emptiedOut(broker, 'blocked')).toEqual(['a', 'b']);
  });

  it('keeps one connection for a thousand queues', { timeout: 60_000 }, async () => {
    const client = admin(url);
    const broker = await open({ options: { connectionName: 'thousand' } });
    const queues = Array.from({ length: 1000 }, (_, n) => `many-${n}`);
    const subscriptions = await Promise.all(queues.map((queue) => subscribe(broker, queue)));
    const signal = new AbortController();
    const receiving = subscriptions.map((each) => each.receive(1, signal.signal));
    await Promise.all(queues.map((queue) => broker.publish(queue, [message(queue)])));
    expect((await Promise.all(receiving)).map(textsOf)).toEqual(queues.map((queue) => [queue]));
    expect((await client.client('LIST')) as string).toMatch(/^(?!.*name=thousand .*name=thousand ).*name=thousand /s);
  });
});
