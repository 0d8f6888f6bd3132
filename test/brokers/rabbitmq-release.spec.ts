import { randomUUID } from 'node:crypto';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'amqplib';
import type { Broker, Clock, Delivery } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 90_000 };
const signal = new AbortController().signal;
const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });
const textOf = ({ body }: Delivery): string => Buffer.from(body).toString();

/** A proxy whose servers may be kept from being heard for some time. */
async function holdingProxy(url: string) {
  const through = new URL(url);
  const target = Number(through.port);
  const pairs: { client: Socket; server: Socket }[] = [];
  const listener = createServer({ noDelay: true }, (client) => {
    const server = dial({ port: target, host: '127.0.0.1', noDelay: true });
    pairs.push({ client, server });
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    listener.close();
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  });
  through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: through.href,
    pairs,
    hold: (n: number) => pairs[n]!.server.unpipe(pairs[n]!.client).pause(),
    go: (n: number) => pairs[n]!.server.pipe(pairs[n]!.client),
  };
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

withService('rabbitmq', (url) => {
  const open = async (
    options: RabbitOptions = {},
    clock: Clock = new SystemClock(),
  ): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    await broker.connect({ clock });
    onTestFinished(() => broker.close());
    return { broker, queue: `release-${randomUUID()}` };
  };

  it('what is released again, for the answer took too long, is there once', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('1')]);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const deliveries = await subscription.receive(1, signal);
    await Promise.all([subscription.release(deliveries), subscription.release(deliveries)]);
    await sleep(200);
    expect(await broker.count!(queue)).toBe(1);
  });

  it('what is released while its subscription closes is there once', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(
      queue,
      ['1', '2', '3'].map((text) => out(text)),
    );
    const proxy = await holdingProxy(url);
    const { broker: slow } = await open({ url: proxy.url });
    await slow.publish(queue, [out('4')]);
    const subscription = await slow.subscribe(queue, { prefetch: 10, lease: 5000 });
    const deliveries: Delivery[] = [];
    while (deliveries.length < 4) deliveries.push(...(await subscription.receive(4, signal)));
    // A slow disk, say: the confirmation takes six seconds.
    proxy.hold(0);
    const releasing = subscription.release(deliveries);
    await sleep(1000);
    const closing = subscription.close();
    await sleep(2000);
    proxy.go(0);
    await Promise.allSettled([releasing, closing]);
    await sleep(500);
    expect(await broker.count!(queue)).toBe(4);
  });

  it('over a connection that was handed in, a late answer does not end the consuming', LIMIT, async () => {
    const proxy = await holdingProxy(url);
    const connection = await connect(proxy.url);
    onTestFinished(() => connection.close());
    const { broker: other, queue } = await open({ type: 'classic' });
    const { broker } = await open({ connection, type: 'classic' });
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const first = subscription.receive(10, signal);
    await other.publish(queue, [out('first')]);
    const [delivery] = await first;
    expect(await subscription.ack([delivery!])).toEqual([]);
    // Lies here unasked for, so that the consumer pauses, and hears of that only much later.
    await other.publish(queue, [out('second')]);
    await sleep(50);
    proxy.hold(0);
    await sleep(7000);
    proxy.go(0);
    await sleep(300);
    await other.publish(queue, [out('third')]);
    const seen = new Set<string>();
    for (let n = 0; n < 4 && !seen.has('third'); n++)
      for (const each of await subscription.receive(10, signal).catch(() => [])) seen.add(textOf(each));
    expect([...seen]).toEqual(['second', 'third']);
  });
});
