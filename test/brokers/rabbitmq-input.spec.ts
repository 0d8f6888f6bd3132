import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import type { Broker } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 30_000 };
const { signal } = new AbortController();
const clock = new SystemClock();
const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });

describe('rabbitmq: options', () => {
  it.each([
    [{ url: 'localhost:5672' }, /`url` is 'localhost:5672'/],
    [{ url: 'http://me:secret@host' }, /`url` is 'http:\/\/me:\*\*\*@host'/],
    [{ url: [] }, /`url` is an empty list/],
    [{ heartbeat: 0 }, /`heartbeat` is 0/],
    [{ priorities: 256 }, /`priorities` is 256/],
    [{ priorities: 1.5 }, /`priorities` is 1.5/],
    [{ type: 'qourum' as 'quorum' }, /`type` is 'qourum', but must be 'quorum' or 'classic'/],
    [{ exchanges: { shop: { type: 'topics' as 'topic' } } }, /`exchanges.shop.type` is 'topics', but must be direct/],
  ])('%j is refused', (options: RabbitOptions, message) => {
    expect(() => rabbitmq(options)).toThrow(message);
  });
});

withService('rabbitmq', (url) => {
  const host = new URL(url).host;
  const open = async (options: RabbitOptions = {}): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    onTestFinished(() => broker.close());
    await broker.connect({ clock });
    return { broker, queue: `input-${randomUUID()}` };
  };
  const taken = async (broker: Broker, queue: string): Promise<string[]> => {
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const deliveries = await subscription.receive(10, signal);
    await subscription.ack(deliveries);
    await subscription.close();
    return deliveries.map(({ body }) => Buffer.from(body).toString());
  };

  it.each([
    ['a wrong password', `amqp://guest:hunter2@${host}`, 'FUNQ_RABBITMQ_LOGIN', /refused user or password/],
    ['a virtual host that does not exist', `amqp://${host}/none`, 'FUNQ_RABBITMQ_VHOST', /virtual host/],
    ['TLS to a port without', `amqps://guest:hunter2@${host}`, 'FUNQ_RABBITMQ_TLS', /amqps: only for a TLS port/],
  ])('%s is told and final', LIMIT, async (_, wrong, code, message) => {
    const error: Error = await rabbitmq({ url: wrong }).connect({ clock }).then(() => expect.fail(), (e: Error) => e); // prettier-ignore
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(error).not.toHaveProperty('away');
    expect(error.message).not.toContain('hunter2');
  });

  it('more queues than a connection has channels for are told', LIMIT, async () => {
    const { broker, queue } = await open({ url: `${url}?channelMax=4` });
    const settings = { prefetch: 1, lease: 5000 };
    for (let n = 0; n < 4; n++) await broker.subscribe(`${queue}.${n}`, settings);
    await expect(broker.subscribe(`${queue}.4`, settings)).rejects.toMatchObject({
      code: 'FUNQ_RABBITMQ_CHANNELS',
      message: expect.stringContaining('channel_max') as string,
    });
  });

  it('nothing on the port is away', LIMIT, async () => {
    const connecting = rabbitmq({ url: 'amqp://me:hunter2@127.0.0.1:1' }).connect({ clock });
    await expect(connecting).rejects.toMatchObject({
      away: true,
      message: expect.not.stringContaining('hunter2') as string,
    });
  });

  it('the next of several nodes is tried', LIMIT, async () => {
    const broker = rabbitmq({ url: ['amqp://127.0.0.1:1', url] });
    onTestFinished(() => broker.close());
    await expect(broker.connect({ clock })).rejects.toMatchObject({ away: true });
    await broker.connect({ clock });
  });

  it('a queue that exists with other settings is explained, to publishers and consumers', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('m')]);
    const { broker: other } = await open({ type: 'classic' });
    const mismatch = {
      unfit: true,
      code: 'FUNQ_RABBITMQ_MISMATCH',
      message: expect.stringMatching(/x-queue-type.*set `type`/) as string,
    };
    await expect(other.publish(queue, [out('m')])).rejects.toMatchObject(mismatch);
    await expect(other.subscribe(queue, { prefetch: 1, lease: 5000 })).rejects.toMatchObject(mismatch);
    // Nothing else is hurt by it.
    expect(await other.publish(`${queue}-2`, [out('m')])).toEqual([]);
  });

  it('a queue that another connection keeps for itself is told', LIMIT, async () => {
    const { broker, queue } = await open();
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    await (await connection.createChannel()).assertQueue(queue, { exclusive: true, durable: true });
    const locked = {
      code: 'FUNQ_RABBITMQ_LOCKED',
      message: expect.stringMatching(/for itself.*choose another `prefix`/s) as string,
    };
    await expect(broker.publish(queue, [out('m')])).rejects.toMatchObject(locked);
    await expect(broker.subscribe(queue, { prefetch: 1, lease: 5000 })).rejects.toMatchObject(locked);
  });

  it('a name beyond 255 bytes is refused', LIMIT, async () => {
    const { broker } = await open();
    await expect(broker.publish('日'.repeat(100), [out('m')])).rejects.toMatchObject({ code: 'FUNQ_RABBITMQ_NAME' });
  });

  it('a priority that the queue has not, and a delay beyond a year, fail by themselves', LIMIT, async () => {
    const { broker, queue } = await open({ type: 'classic', priorities: 3 });
    const messages = [out('a', { priority: 3 }), out('b', { priority: 4 }), out('c', { delay: 1e12 }), out('d')];
    const failures = await broker.publish(queue, messages);
    expect(failures.map(({ index, error }) => [index, (error as NodeJS.ErrnoException).code])).toEqual([
      [1, 'FUNQ_RABBITMQ_PRIORITY'],
      [2, 'FUNQ_RABBITMQ_DELAY'],
    ]);
    expect(await taken(broker, queue)).toEqual(['a', 'd']);
  });

  it('a full queue refuses what is too much, each message by itself', LIMIT, async () => {
    const limits = { 'x-max-length': 2, 'x-overflow': 'reject-publish', 'x-expires': 60_000 };
    const { broker, queue } = await open({ type: 'classic', arguments: limits });
    const failures = await broker.publish(
      queue,
      ['1', '2', '3', '4'].map((text) => out(text)),
    );
    expect(failures.map(({ error }) => (error as NodeJS.ErrnoException).code)).toEqual(
      Array(2).fill('FUNQ_RABBITMQ_REFUSED'),
    );
    expect(await taken(broker, queue)).toHaveLength(2);
  });

  it('bodies of other producers come as they are', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, []);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from([0xff, 0x00]), { headers: { a: { b: [1] } } });
    await channel.waitForConfirms();
    const [delivery] = await subscription.receive(1, signal);
    expect([...delivery!.body]).toEqual([0xff, 0x00]);
    // Given back it keeps what its producer wrote.
    await subscription.release([delivery!]);
    const again = await channel.get(queue, { noAck: true });
    expect(again && again.properties.headers).toMatchObject({ a: { b: [1] } });
  });

  it.each([
    ['direct', 'red', { key: 'red' }, { key: 'red' }],
    ['fanout', '', {}, { key: 'whatever' }],
    ['topic', 'order.created.eu', { key: 'order.*.eu' }, { key: 'order.created.eu' }],
    ['headers', '', { headers: { 'x-match': 'all', eu: true } }, { headers: { eu: true, more: 1 } }],
  ] as const)('a %s exchange takes messages to the queues that are bound', LIMIT, async (type, _, binding, route) => {
    const exchange = `input-${randomUUID()}`;
    const queues = [`${exchange}.a`, `${exchange}.b`] as const;
    const { broker } = await open({
      exchanges: { [exchange]: { type, durable: false, arguments: {} } },
      bindings: Object.fromEntries(queues.map((queue) => [queue, [{ exchange, ...binding }]])),
      routes: { out: { exchange, ...route }, lost: { exchange, key: 'nobody' } },
    });
    for (const queue of queues) await (await broker.subscribe(queue, { prefetch: 1, lease: 5000 })).close();
    expect(await broker.publish('out', [out('to both')])).toEqual([]);
    for (const queue of queues) expect(await taken(broker, queue)).toEqual(['to both']);
    const [delayed] = await broker.publish('out', [{ ...out('m'), delay: 1000 }]);
    expect(delayed?.error.message).toMatch(/only queues wait/);
    if (type === 'fanout') return;
    // A message that nobody would get is no success.
    const [failure] = await broker.publish('lost', [out('m')]);
    expect(failure?.error.message).toMatch(/no queue is bound/);
    await expect(broker.subscribe('out', { prefetch: 1, lease: 5000 })).rejects.toThrow(/one of `routes`/);
  });
});
