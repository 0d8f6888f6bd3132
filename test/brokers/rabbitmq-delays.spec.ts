import { randomUUID } from 'node:crypto';
import { connect, type Channel, type ChannelModel } from 'amqplib';
import type { Broker } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RabbitConnection } from '../../lib/brokers/rabbitmq/connection.js';
import { RabbitDelayPlugin, findDelayPlugin } from '../../lib/brokers/rabbitmq/delay-plugin.js';
import type { RabbitDelays } from '../../lib/brokers/rabbitmq/delays.js';
import { RabbitPublisher } from '../../lib/brokers/rabbitmq/publisher.js';
import { RabbitServer } from '../../lib/brokers/rabbitmq/server.js';
import { RabbitTopology } from '../../lib/brokers/rabbitmq/topology.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { hasDelayPlugin } from '../services/delay-plugin.js';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 30_000 };
const DAY = 86_400_000;
const clock = new SystemClock();
const { signal } = new AbortController();
const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });

describe('rabbitmq: who keeps a delay', () => {
  const ladder = (): RabbitDelays => ({
    prepare: vi.fn(async () => () => ({ exchange: 'ladder', headers: {}, mandatory: true })),
    forget: vi.fn(),
  });
  const later = (delay: number) => ({ exchange: 'funq.later', headers: { 'x-delay': delay }, mandatory: false });

  it('the plug-in where it is found, asked for once', async () => {
    const [find, below] = [vi.fn(async () => true), ladder()];
    const delays = new RabbitDelayPlugin(find, below);
    const [wayOf] = await Promise.all([delays.prepare(500), delays.prepare(700)]);
    expect(wayOf(120.2)).toEqual(later(121));
    expect(await delays.prepare(900)).toBe(wayOf);
    expect(find).toHaveBeenCalledTimes(1);
    expect(below.prepare).not.toHaveBeenCalled();
  });

  it('the ladder where it is not found, asked for once', async () => {
    const find = vi.fn(async () => false);
    const delays = new RabbitDelayPlugin(find, ladder());
    for (let n = 0; n < 3; n++) expect((await delays.prepare(500))(500)).toMatchObject({ exchange: 'ladder' });
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('the ladder for what is longer than the plug-in can wait, next to it', async () => {
    const below = ladder();
    const wayOf = await new RabbitDelayPlugin(async () => true, below).prepare(50 * DAY);
    expect(below.prepare).toHaveBeenCalledWith(50 * DAY);
    expect(wayOf(2 ** 32 - 1)).toEqual(later(2 ** 32 - 1));
    expect([wayOf(2 ** 32 - 0.5), wayOf(50 * DAY)]).toMatchObject([{ exchange: 'ladder' }, { exchange: 'ladder' }]);
  });

  it('asked again where the server did not say, and where it may be another one', async () => {
    const answers = [Promise.reject(new Error('away')), Promise.resolve(true), Promise.resolve(false)];
    const below = ladder();
    const delays = new RabbitDelayPlugin(() => answers.shift()!, below);
    expect((await delays.prepare(500))(500)).toMatchObject({ exchange: 'ladder' });
    expect((await delays.prepare(500))(500)).toEqual(later(500));
    delays.forget();
    expect(below.forget).toHaveBeenCalled();
    expect((await delays.prepare(500))(500)).toMatchObject({ exchange: 'ladder' });
  });
});

withService('rabbitmq', (url) => {
  const raw = async (): Promise<{ connection: ChannelModel; channel: Channel }> => {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    return { connection, channel: await connection.createChannel() };
  };
  const open = async (options: RabbitOptions): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    onTestFinished(() => broker.close());
    await broker.connect({ clock });
    return { broker, queue: `delays-${randomUUID()}` };
  };
  /** What falls due for a queue that is gone, from now on. */
  const undelivered = async (channel: Channel): Promise<() => Promise<string>> => {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'funq.undelivered', '');
    return async () => {
      const message = await channel.get(queue, { noAck: true });
      return message ? message.content.toString() : '';
    };
  };

  it('the server is asked over a connection of its own, which tells yes, no, and nothing apart', LIMIT, async () => {
    const { proxy, url: proxied } = await proxyTo(url);
    onTestFinished(() => proxy.close());
    const server = new RabbitServer({ url: proxied });
    await proxy.refuse();
    await expect(findDelayPlugin(server, clock)).rejects.toMatchObject({ away: true });
    await proxy.accept();
    expect(await findDelayPlugin(server, clock)).toBe(await hasDelayPlugin(url));
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
  });

  it('nobody who publishes or consumes notices the question', LIMIT, async () => {
    const { broker, queue } = await open({ delays: 'plugin' });
    const subscription = await broker.subscribe(queue, { prefetch: 50, lease: 5000 });
    await broker.publish(queue, [out('held')]);
    const held = await subscription.receive(1, signal);
    const publishing = Array.from({ length: 20 }, (_, n) => broker.publish(queue, [out(`${n}`, { delay: 100 })]));
    expect(await Promise.all(publishing)).toEqual(Array(20).fill([]));
    expect(await subscription.ack(held)).toEqual([]);
    const seen = new Set<string>();
    while (seen.size < 20)
      for (const { body } of await subscription.receive(20, signal)) seen.add(Buffer.from(body).toString());
  });

  it('a connection that was handed in is not put at stake', LIMIT, async () => {
    const { connection } = await raw();
    const ended = vi.fn();
    connection.on('close', ended);
    const { broker, queue } = await open({ connection, delays: 'plugin' });
    expect(await broker.publish(queue, [out('m', { delay: 100 })])).toEqual([]);
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 5000 });
    expect(await subscription.receive(1, signal)).toHaveLength(1);
    expect(ended).not.toHaveBeenCalled();
    expect(await findDelayPlugin(new RabbitServer({ connection }), clock)).toBe(false);
  });

  it.each([true, 'plugin'] as const)(
    'with `delays: %j`, what falls due for a deleted queue is kept',
    LIMIT,
    async (delays) => {
      const { broker, queue } = await open({ delays });
      const { channel } = await raw();
      expect(await broker.publish(queue, [out('first', { delay: 100 })])).toEqual([]);
      const next = await undelivered(channel);
      const text = `homeless ${randomUUID()}`;
      expect(await broker.publish(queue, [out(text, { delay: 1000 })])).toEqual([]);
      await channel.deleteQueue(queue);
      await vi.waitFor(async () => expect(await next()).toBe(text), 10_000);
    },
  );

  /** A publisher whose messages that are to wait go to an exchange of the test, as they go to that of the plug-in. */
  const publisherBy = async (exchange: string): Promise<RabbitPublisher> => {
    const connection = new RabbitConnection(new RabbitServer({ url }), clock);
    onTestFinished(() => connection.close());
    const way = { exchange, headers: { 'x-delay': 100 }, mandatory: false };
    const delays: RabbitDelays = { prepare: async () => () => way, forget: () => undefined };
    return new RabbitPublisher(connection, new RabbitTopology({ arguments: { 'x-expires': 60_000 } }), delays);
  };

  it('an exchange that keeps a message back, so that no queue has it yet, has not lost it', LIMIT, async () => {
    const { channel } = await raw();
    const { exchange } = await channel.assertExchange(`delays-${randomUUID()}`, 'fanout', { autoDelete: true });
    const publisher = await publisherBy(exchange);
    expect(await publisher.publish(`${exchange}.q`, [out('kept back', { delay: 100 })])).toEqual([]);
  });

  it('from there it goes to the queue of its name, or to those that nobody has', LIMIT, async () => {
    const { channel } = await raw();
    const queue = `delays-${randomUUID()}`;
    const { exchange } = await channel.assertExchange(queue, 'fanout', { autoDelete: true });
    // Declares the end of every delay.
    await (await open({})).broker.publish(`${queue}.other`, [out('first', { delay: 100 })]);
    await channel.bindExchange('funq.due', exchange, '');
    const publisher = await publisherBy(exchange);
    await publisher.publish(queue, [out('due', { delay: 100, ttl: 0, priority: 0 })]);
    const due = await vi.waitUntil(() => channel.get(queue, { noAck: true }));
    expect(due.content.toString()).toBe('due');
    // Its time to live is over, but a delayed message has none.
    expect(due.properties.expiration).toBeUndefined();
    const next = await undelivered(channel);
    await channel.deleteQueue(queue);
    await publisher.publish(queue, [out(queue, { delay: 100 })]);
    await vi.waitFor(async () => expect(await next()).toBe(queue));
  });
});
