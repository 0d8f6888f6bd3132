import { randomUUID } from 'node:crypto';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Broker, Clock, Delivery } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 90_000 };
const signal = new AbortController().signal;
const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });
const textOf = ({ body }: Delivery): string => Buffer.from(body).toString();

/** A proxy that lets through so many bytes a second from the server, and to it. */
async function slowProxy(url: string, down: number, up: number) {
  const through = new URL(url);
  const target = Number(through.port);
  const sockets: Socket[] = [];
  let count = 0;
  const pump = (from: Socket, to: Socket, rate: number): void => {
    from.on('readable', function go() {
      const piece: Buffer | null = from.read();
      if (!piece) return;
      from.removeListener('readable', go);
      to.write(piece);
      setTimeout(() => pump(from, to, rate), (piece.length / rate) * 1000);
    });
  };
  const listener = createServer({ noDelay: true, highWaterMark: 65536 }, (client) => {
    count++;
    const server = dial({ port: target, host: '127.0.0.1', noDelay: true });
    sockets.push(client, server);
    pump(server, client, down);
    pump(client, server, up);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return { url: through.href, connections: () => count };
}

withService('rabbitmq', (url) => {
  const open = async (
    options: RabbitOptions = {},
    clock: Clock = new SystemClock(),
  ): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    await broker.connect({ clock });
    onTestFinished(() => broker.close());
    return { broker, queue: `slow-${randomUUID()}` };
  };

  it.each(['quorum', 'classic'] as const)(
    'who waits in receive gets what is released to a %s queue',
    LIMIT,
    async (type) => {
      const { broker, queue } = await open({ type });
      await broker.publish(queue, [out('1')]);
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
      const [delivery] = await subscription.receive(1, signal);
      const begun = performance.now();
      let got: Delivery[] = [];
      const receiving = (async () => {
        while (got.length === 0) got = await subscription.receive(1, signal);
      })();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await subscription.release([delivery!]);
      await receiving;
      expect(textOf(got[0]!)).toBe('1');
      expect(performance.now() - begun).toBeLessThan(2500);
    },
  );

  it('big bodies over a slow line arrive, each once', LIMIT, async () => {
    const { broker: fast, queue } = await open();
    const body = Buffer.alloc(1_000_000);
    await fast.publish(
      queue,
      Array.from({ length: 10 }, () => ({ id: randomUUID(), body })),
    );
    const proxy = await slowProxy(url, 1_200_000, 1_200_000);
    const { broker } = await open({ url: proxy.url });
    const subscription = await broker.subscribe(queue, { prefetch: 20, lease: 30_000 });
    const seen: number[] = [];
    const errors: unknown[] = [];
    const acking: Promise<void>[] = [];
    for (const end = performance.now() + 30_000; seen.length < 10 && performance.now() < end;) {
      try {
        const got = await subscription.receive(10, signal);
        seen.push(...got.map(({ redelivered }) => redelivered));
        // As the core does: the next are fetched meanwhile.
        const lost = (count: number) => void (count > 0 && errors.push(`${count} lost`));
        if (got.length > 0) acking.push(subscription.ack(got).then(({ length }) => lost(length)));
      } catch (error) {
        errors.push(String(error));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    await Promise.all(acking);
    expect(errors).toEqual([]);
    expect(seen).toEqual(Array.from({ length: 10 }, () => 0));
  });

  it('big bodies are published over a slow line', LIMIT, async () => {
    const proxy = await slowProxy(url, 1_200_000, 1_200_000);
    const { broker, queue } = await open({ url: proxy.url });
    const body = Buffer.alloc(1_000_000);
    await broker.publish(queue, [out('first')]);
    const failures = await broker.publish(
      queue,
      Array.from({ length: 16 }, () => ({ id: randomUUID(), body })),
    );
    expect(failures).toEqual([]);
  });
});
