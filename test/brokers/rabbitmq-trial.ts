import { randomUUID } from 'node:crypto';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect, type Channel } from 'amqplib';
import type { Broker, Clock, Delivery, Subscription } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';

export const signal = new AbortController().signal;
export const out = (text: string, more = {}) => ({ id: randomUUID(), body: Buffer.from(text), ...more });
export const textOf = ({ body }: Delivery): string => Buffer.from(body).toString();
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** As the core does: what fails is tried again. */
export async function persist<T>(attempt: () => Promise<T>, ms = 15_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(100);
    }
  }
}

export const next = (subscription: Subscription): Promise<Delivery> =>
  persist(async () => {
    const [delivery] = await subscription.receive(1, signal);
    if (!delivery) throw new Error('nothing came');
    return delivery;
  });

/** How one test opens brokers, each with a queue of its own, and a channel beside them. */
export function trialOn(url: string) {
  const open = async (
    options: RabbitOptions = {},
    clock: Clock = new SystemClock(),
  ): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, arguments: { 'x-expires': 60_000 }, ...options });
    await broker.connect({ clock });
    onTestFinished(() => broker.close());
    return { broker, queue: `trial-${randomUUID()}` };
  };
  const raw = async (): Promise<Channel> => {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    return connection.createChannel();
  };
  return { open, raw };
}

export interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Stands between clients and the server, and carries what they say in its own way. */
export async function relay(url: string, carry: (pair: Pair) => void): Promise<{ url: string; pairs: Pair[] }> {
  const through = new URL(url);
  const port = Number(through.port);
  const pairs: Pair[] = [];
  const listener = createServer({ noDelay: true }, (client) => {
    const server = dial({ port, host: '127.0.0.1', noDelay: true });
    pairs.push({ client, server });
    client.on('error', () => server.destroy()).on('close', () => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    carry({ client, server });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    listener.close();
    for (const socket of pairs.flatMap(({ client, server }) => [client, server])) socket.destroy();
  });
  through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return { url: through.href, pairs };
}
