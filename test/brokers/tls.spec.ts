import { createServer, type AddressInfo } from 'node:net';
import type { Broker } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { mongo } from 'nestjs-funq/mongo';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';

/** What OpenSSL says to those who speak no TLS, before it hangs up. */
const ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);

it.each<[string, (host: string) => Broker, RegExp]>([
  ['redis', (host) => redis({ url: `redis://${host}` }), /'rediss:\/\/' is for TLS, 'redis:\/\/' for none/],
  ['rabbitmq', (host) => rabbitmq({ url: `amqp://${host}` }), /amqps: is for TLS, amqp: for none|or a TLS port/],
  ['mongo', (host) => mongo({ url: `mongodb://${host}/db?serverSelectionTimeoutMS=500` }), /'tls=true' in 'url'/],
  ['kafka', (host) => kafka({ brokers: host }), /'tls: true' is for a TLS port/],
])('%s says what to look at when a TLS port hangs up on it', { timeout: 15_000 }, async (_, create, hint) => {
  for (const bye of [ALERT, undefined]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => (bye ? socket.end(bye) : socket.destroy()));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const broker = create(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => broker.close());
    await expect(broker.connect({ clock: new SystemClock() })).rejects.toThrow(hint);
  }
});
