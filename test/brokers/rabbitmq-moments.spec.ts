import { randomUUID } from 'node:crypto';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'amqplib';
import type { Broker, Clock, Delivery, Subscription } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 60_000 };
const signal = new AbortController().signal;
const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });
const textOf = ({ body }: Delivery): string => Buffer.from(body).toString();

async function persist<T>(attempt: () => Promise<T>, ms = 15_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const next = (subscription: Subscription): Promise<Delivery> =>
  persist(async () => {
    const [delivery] = await subscription.receive(1, signal);
    if (!delivery) throw new Error('nothing came');
    return delivery;
  });

/** A frame of a method of the server, for channel 0. */
function frame(classId: number, methodId: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(rest.length + 4, 3);
  head.writeUInt16BE(classId, 7);
  head.writeUInt16BE(methodId, 9);
  return Buffer.concat([head, rest, Buffer.from([0xce])]);
}
const BLOCKED = frame(10, 60, Buffer.from('\x0alow memory', 'latin1'));
const UNBLOCKED = frame(10, 61, Buffer.alloc(0));
/** CONNECTION_FORCED */
const SHUTDOWN = frame(10, 50, Buffer.concat([Buffer.from([1, 64, 4]), Buffer.from('stop'), Buffer.alloc(4)]));

/** A proxy that may say more than the server does: what `more` returns for a piece of what it said goes with it. */
async function proxyThatAdds(url: string, more: (piece: Buffer) => Buffer | undefined) {
  const through = new URL(url);
  const target = Number(through.port);
  const clients: Socket[] = [];
  const listener = createServer({ noDelay: true }, (client) => {
    const server = dial({ port: target, host: '127.0.0.1', noDelay: true });
    clients.push(client);
    client
      .on('data', (piece) => server.write(piece))
      .on('error', () => server.destroy())
      .on('close', () => server.destroy());
    server
      .on('data', (piece) => client.write(Buffer.concat([piece, more(piece) ?? Buffer.alloc(0)])))
      .on('error', () => client.destroy())
      .on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    listener.close();
    for (const client of clients) client.destroy();
  });
  through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return { clients, url: through.href };
}

withService('rabbitmq', (url) => {
  const open = async (
    options: RabbitOptions = {},
    clock: Clock = new SystemClock(),
  ): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    await broker.connect({ clock });
    onTestFinished(() => broker.close());
    return { broker, queue: `moments-${randomUUID()}` };
  };
  const raw = async () => {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    return connection.createChannel();
  };

  it('a message that nobody got is not taken for another one of its id', LIMIT, async () => {
    const exchange = `moments-${randomUUID()}`;
    const { broker, queue } = await open({
      type: 'classic',
      exchanges: { [exchange]: { type: 'fanout', durable: false } },
      routes: { told: { exchange } },
    });
    onTestFinished(async () => void (await (await raw()).deleteExchange(exchange)));
    expect(await broker.publish(queue, [out('first')])).toEqual([]);
    expect(await broker.publish('told', [out('first')])).toHaveLength(1);
    const wrong: string[] = [];
    for (let n = 0; n < 20; n++) {
      const messages = Array.from({ length: 200 }, (_, n) => out(`${n}`));
      const [stored, told] = await Promise.all([broker.publish(queue, messages), broker.publish('told', messages)]);
      if (stored.length !== 0 || told.length !== 200) wrong.push(`${n}: ${stored.length} ${told.length}`);
    }
    expect(wrong).toEqual([]);
    expect(await broker.count!(queue)).toBe(4001);
  });

  it('what is given back goes to no other queue', LIMIT, async () => {
    const { broker, queue } = await open();
    const other = `${queue}-other`;
    await broker.publish(queue, [out('first')]);
    await broker.publish(other, [out('first')]);
    await broker.purge!(queue);
    await broker.purge!(other);
    const channel = await raw();
    channel.sendToQueue(queue, Buffer.from('foreign'), { CC: [other], persistent: true });
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 5000 });
    const delivery = await next(subscription);
    await vi.waitFor(async () => expect(await broker.count!(other)).toBe(1));
    await subscription.release([delivery]);
    await vi.waitFor(async () => expect(await broker.count!(queue)).toBe(1));
    expect(await broker.count!(other)).toBe(1);
  });

  it('a count of another sender is no count of the server', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('first')]);
    await broker.purge!(queue);
    (await raw()).sendToQueue(queue, Buffer.from('foreign'), { headers: { 'x-delivery-count': 7 } });
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 5000 });
    expect((await next(subscription)).redelivered).toBe(0);
  });

  it('a connection that was handed in is left as it was', LIMIT, async () => {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channels = () =>
      (connection.connection as unknown as { channels: unknown[] }).channels.filter(Boolean).length;
    const before = [channels(), connection.listenerCount('close'), connection.listenerCount('blocked')];
    for (let n = 0; n < 3; n++) {
      const broker = rabbitmq({ connection, arguments: { 'x-expires': 60_000 } });
      await broker.connect({ clock: new SystemClock() });
      await broker.publish(`moments-${randomUUID()}`, [out('x')]);
      await broker.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([channels(), connection.listenerCount('close'), connection.listenerCount('blocked')]).toEqual(before);
  });

  it('a level of the delays that was deleted is made anew', LIMIT, async () => {
    const { broker, queue } = await open();
    const delay = 100 * 2 ** 25 + 100 * 2 ** 25;
    expect(await broker.publish(queue, [out('a', { delay })])).toEqual([]);
    await (await raw()).deleteQueue('funq.delay.33');
    expect(await broker.publish(queue, [out('a', { delay })])).toEqual([]);
  });

  it('what was fetched ahead while the server takes no messages is not held for ever', LIMIT, async () => {
    const { clients, url: proxied } = await proxyThatAdds(url, () => undefined);
    const { broker: other, queue } = await open();
    const { broker } = await open({ url: proxied });
    const [publishing] = clients;
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const first = subscription.receive(10, signal);
    await other.publish(queue, [out('first')]);
    expect(await first).toHaveLength(1);
    publishing!.write(BLOCKED);
    await other.publish(
      queue,
      ['1', '2', '3'].map((text) => out(text)),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    publishing!.write(UNBLOCKED);
    const seen: string[] = [];
    for (let n = 0; n < 3 && seen.length < 3; n++) seen.push(...(await subscription.receive(10, signal)).map(textOf));
    expect(seen.toSorted()).toEqual(['1', '2', '3']);
  });

  it.each([
    ['the connection', 10, 41],
    ['the channel', 85, 11],
  ])('a server that stops right after it opened %s is connected to anew', LIMIT, async (_, classId, methodId) => {
    let times = 1;
    const { url: proxied } = await proxyThatAdds(url, (piece) => {
      const [found, wanted] = [
        piece.subarray(7, 11).toString('hex'),
        frame(classId, methodId, Buffer.alloc(0)).subarray(7, 11),
      ];
      return found === wanted.toString('hex') && times-- > 0 ? SHUTDOWN : undefined;
    });
    const broker = rabbitmq({ url: proxied, arguments: { 'x-expires': 60_000 } });
    onTestFinished(() => broker.close());
    await broker.connect({ clock: new SystemClock() }).catch(() => undefined);
    expect(times).toBeLessThan(1);
    expect(await persist(() => broker.publish(`moments-${randomUUID()}`, [out('again')]), 10_000)).toEqual([]);
  });
});
