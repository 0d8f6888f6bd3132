import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Admin, Producer } from '@platformatic/kafka';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Consumer, FunqModule, FunqPublisher, FunqDeadLetters } from 'nestjs-funq';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();
const NOWHERE = '127.0.0.1:1';

describe('options of kafka()', () => {
  it.each<[Partial<Record<keyof KafkaOptions, unknown>>, RegExp]>([
    [{ brokers: '' }, /kafka\(\{ brokers \}\) is '', but must be at least one 'host:port'/],
    [{ brokers: [] }, /brokers/],
    [{ brokers: 'kafka://user:secret@host:9092' }, /brokers.*kafka:\/\/user:\*\*\*@host/],
    [{ brokers: 'host:99999' }, /'host:99999', but must be 'host:port'/],
    [{ brokers: 'host' }, /'host', but must be 'host:port'/],
    [{ partitions: 0 }, /partitions.* 0, but must be a whole number from 1/],
    [{ partitions: 1.5 }, /partitions/],
    [{ replication: 0 }, /replication/],
    [{ session: 5 }, /session/],
    [{ maxMessageBytes: Number.NaN }, /maxMessageBytes/],
    [{ group: 'a b' }, /group/],
    [{ prefix: '*' }, /prefix/],
    [
      { sasl: { mechanism: 'SCRAM', password: 'secret' } },
      /sasl.mechanism.* 'SCRAM', but must be one of PLAIN, SCRAM-/,
    ],
    [{ topics: { orders: 'a/b' } }, /topics\.orders/],
    [{ client: {} }, /brokers.*left out beside 'client'/],
    [
      { client: {}, brokers: undefined, sasl: { mechanism: 'PLAIN', password: 'secret' } },
      /^kafka\(\{ sasl \}\) is to be/,
    ],
    [{ client: {}, brokers: undefined }, /client.* an object, but must be a client of @platformatic\/kafka/],
  ])('%j are refused by name', (wrong, message) => {
    const options = { brokers: NOWHERE, ...wrong } as KafkaOptions;
    expect(() => kafka(options)).toThrow(message);
    expect(() => kafka(options)).toThrow(expect.objectContaining({ code: 'FUNQ_KAFKA_OPTION' }));
  });
});

describe('a server that is not there', () => {
  it('is away', async () => {
    const error = await kafka({ brokers: NOWHERE })
      .connect({ clock })
      .catch((failure: unknown) => failure);
    expect(error).toMatchObject({ away: true, code: 'FUNQ_KAFKA_AWAY' });
    expect((error as Error).message).toContain(NOWHERE);
  });

  it('is no TLS server, and says so', async () => {
    const server = await listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const broker = kafka({ brokers: `127.0.0.1:${portOf(server)}`, tls: true });
    await expect(broker.connect({ clock })).rejects.toMatchObject({ code: 'FUNQ_KAFKA_TLS' });
    await broker.close();
  });

  it('never answers: the app is not held up', { timeout: 30_000 }, async () => {
    const server = await listening(() => undefined);
    const broker = kafka({ brokers: `127.0.0.1:${portOf(server)}` });
    await expect(broker.connect({ clock })).rejects.toMatchObject({ away: true });
    await broker.close();
  });
});

withService('kafka', (brokers) => {
  const client = { clientId: 'test', bootstrapBrokers: [brokers] };
  const closing: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const each of closing.splice(0).toReversed()) await each.close();
  });
  it('are those of a client that was handed in, which stays open', async () => {
    const admin = new Admin({ ...client, retries: 0 });
    closing.push(admin);
    const broker = kafka({ client: admin, session: 3000 });
    const queue = `handed-${randomUUID()}`;
    await broker.connect({ clock });
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 30_000 });
    await broker.publish(queue, [{ id: randomUUID(), body: Buffer.from('a') }]);
    const signal = new AbortController().signal;
    let taken = await subscription.receive(1, signal);
    while (taken.length === 0) taken = await subscription.receive(1, signal);
    expect(await subscription.ack(taken)).toEqual([]);
    await broker.close();
    expect((await admin.metadata({ topics: [queue] })).topics.has(queue)).toBe(true);
    await admin.deleteTopics({ topics: [queue] });
  });

  const opened = async (options: Partial<KafkaOptions> = {}) => {
    const broker = kafka({ brokers, session: 3000, ...options });
    closing.push(broker);
    await broker.connect({ clock });
    return broker;
  };
  const message = (text: string) => ({ id: randomUUID(), body: Buffer.from(text) });

  it('a missing topic that may not be created is named', async () => {
    const [broker, queue] = [await opened({ createTopics: false }), randomUUID()];
    const told = expect.stringMatching(`'${queue}'.*createTopics`) as string;
    const missing = { code: 'FUNQ_KAFKA_TOPIC', unfit: true, message: told };
    await expect(broker.publish(queue, [message('m')])).rejects.toMatchObject(missing);
    await expect(broker.subscribe(queue, { prefetch: 1, lease: 3000 })).rejects.toMatchObject(missing);
    expect(await broker.count!(queue)).toBe(0);
  });

  it('a topic that is compacted is told as what it is', async () => {
    const queue = randomUUID();
    const admin = new Admin(client);
    closing.push(admin);
    const configs = [{ name: 'cleanup.policy', value: 'compact' }];
    await admin.createTopics({ topics: [queue], partitions: 1, replicas: 1, configs });
    const broker = await opened();
    const refused = {
      unfit: true,
      code: 'FUNQ_KAFKA_COMPACTED',
      message: expect.stringMatching(`'${queue}'.*cleanup.policy`) as string,
    };
    await expect(broker.publish(queue, [{ ...message('m'), key: 'k' }])).rejects.toMatchObject(refused);
    await expect(broker.subscribe(queue, { prefetch: 1, lease: 3000 })).rejects.toMatchObject(refused);
  });

  it('too many copies are told with the option', async () => {
    const broker = await opened({ replication: 50 });
    const refused = {
      code: 'FUNQ_KAFKA_INVALID_REPLICATION_FACTOR',
      message: expect.stringContaining("'replication'") as string,
    };
    await expect(broker.publish(randomUUID(), [message('m')])).rejects.toMatchObject(refused);
  });

  it('a session that the server does not allow is told with the option', async () => {
    const broker = await opened({ session: 3_600_000 });
    const refused = {
      code: 'FUNQ_KAFKA_INVALID_SESSION_TIMEOUT',
      message: expect.stringContaining("'session'") as string,
    };
    await expect(broker.subscribe(randomUUID(), { prefetch: 1, lease: 3000 })).rejects.toMatchObject(refused);
  });

  it('a lease that the server does not allow becomes the shortest that it does', async () => {
    const broker = kafka({ brokers });
    closing.push(broker);
    await broker.connect({ clock });
    const subscription = await broker.subscribe(randomUUID(), { prefetch: 1, lease: 500 });
    await subscription.close();
  });

  it('a user where none is asked for is told as what it is', async () => {
    const sasl = { mechanism: 'PLAIN', username: 'me', password: 'secret' } as const;
    const error = (await kafka({ brokers, sasl })
      .connect({ clock })
      .catch((failure: unknown) => failure)) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      code: 'FUNQ_KAFKA_ILLEGAL_SASL_STATE',
      message: expect.stringContaining("'sasl'") as string,
    });
    expect(error).not.toHaveProperty('away');
    expect(error.message).not.toContain('secret');
  });

  it('what other programs write goes to the dead letters and stops nothing', { timeout: 60_000 }, async () => {
    const queue = `orders_${randomUUID()}`;
    const admin = new Admin(client);
    const producer = new Producer(client);
    closing.push(admin, producer);
    await admin.createTopics({ topics: [queue], partitions: 1, replicas: 1 });
    const foreign = [
      Buffer.from([0xff, 0x00, 0xc0]),
      Buffer.from('{"id":'),
      Buffer.from('plain'),
      Buffer.alloc(0),
      null,
    ];
    for (const value of foreign)
      await producer.send({
        messages: [{ topic: queue, partition: 0, key: Buffer.from('k'), value: value as Buffer }],
        acks: 1,
      });

    const seen: string[] = [];
    @Injectable()
    class Orders {
      @Consumer({ queue })
      async order(name: string): Promise<void> {
        seen.push(name);
      }
    }
    @Module({
      imports: [
        FunqModule.forRoot({ brokers: { default: kafka({ brokers, topics: { [queue]: queue }, session: 3000 }) } }),
      ],
      providers: [Orders],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    closing.push(app);
    await app.get(FunqPublisher).publish(queue, ['good']);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['good']);
    const letters = app.get(FunqDeadLetters);
    await expect.poll(() => letters.count(queue), { timeout: 20_000 }).toBe(foreign.length);
  });

  it('names of every kind are queues', { timeout: 60_000 }, async () => {
    const broker = await opened({ partitions: 1 });
    for (const name of ['*', '>', '#', '{}', '\'"', 'a\nb', 'x'.repeat(300), '.', '..'].map(
      (odd) => odd + randomUUID(),
    )) {
      await broker.publish(name, [message(name)]);
      const subscription = await broker.subscribe(name, { prefetch: 1, lease: 3000 });
      const [delivery] = await subscription.receive(1, AbortSignal.timeout(20_000));
      expect(Buffer.from(delivery!.body).toString()).toBe(name);
      await subscription.close();
    }
  });
});

async function listening(connected: Parameters<typeof createServer>[1] & {}): Promise<Server> {
  const server = createServer(connected);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
