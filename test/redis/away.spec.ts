import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import type { Broker } from 'nestjs-funq';
import { beforeEach, describe, expect, it } from 'vitest';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { atEnd, clock, created, eventually, message, opened, taken, textsOf } from './opened.js';
import { canStart, OwnServer } from './own-server.js';

const LEASE = 60_000;

describe('a server that still loads its data, for an hour', () => {
  it('is away, and nothing waits for it', async () => {
    const server = createServer((socket) => {
      socket.on('data', (data) => {
        for (const [, name] of data.toString().matchAll(/\r\n(hello|client|info|eval)\r\n/gi))
          socket.write(loading(name!));
      });
    }).listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const broker = created({ url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await broker.connect({ clock });
    await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ code: 'FUNQ_REDIS_AWAY', away: true });
    await broker.close();
  });
});

function loading(command: string): string {
  const info = 'redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:3600\r\n';
  const answers: Record<string, string> = {
    hello: '%1\r\n$5\r\nproto\r\n:3\r\n',
    client: '+OK\r\n',
    info: `$${info.length}\r\n${info}\r\n`,
  };
  return answers[command.toLowerCase()] ?? '-LOADING Redis is loading the dataset in memory\r\n';
}

withService('redis', () => {
  describe.skipIf(!canStart)('a server that comes and goes', () => {
    let server: OwnServer;
    beforeEach(async () => {
      server = await OwnServer.create();
      atEnd(() => server.remove());
    });
    const subscribe = (broker: Broker) => broker.subscribe('q', { prefetch: 100, lease: LEASE });
    const open = async (): Promise<Broker> => {
      await server.start();
      return opened({ url: server.url });
    };

    it('is away while it is down, and every verb opens what is not open', async () => {
      const broker = created({ url: server.url });
      await expect(broker.connect({ clock })).rejects.toMatchObject({ code: 'FUNQ_REDIS_AWAY', away: true });
      await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ away: true });
      await expect(subscribe(broker)).rejects.toMatchObject({ away: true });
      await server.start();
      expect(await broker.publish('q', [message('m')])).toEqual([]);
      expect(textsOf(await taken(await subscribe(broker), 1))).toEqual(['m']);
    });

    it(
      'may be restarted under a subscription, which keeps what it holds and goes on',
      { timeout: 30_000 },
      async () => {
        const broker = await open();
        await broker.publish('q', [message('held'), message('waits')]);
        const subscription = await subscribe(broker);
        const held = await taken(subscription, 1);
        await server.stop();
        await expect(broker.publish('q', [message('lost')])).rejects.toMatchObject({ away: true });
        await server.start();
        expect(textsOf(await eventually(() => subscription.receive(5, AbortSignal.timeout(1000))))).toEqual(['waits']);
        expect(await subscription.ack(held)).toEqual([]);
      },
    );

    it('hears again of messages of other processes after a restart', { timeout: 30_000 }, async () => {
      await server.start();
      const options = { url: server.url, namespace: 'both' };
      const subscription = await subscribe(await opened(options));
      await server.stop('SIGKILL');
      await server.start();
      const waiting = eventually(() => subscription.receive(1, AbortSignal.timeout(4900)));
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      // Looking into the queue ends a wait after five seconds at the latest; being told comes at once.
      await expect.poll(() => admin.exists('both:{q}:waiters'), { timeout: 5000 }).toBe(1);
      const since = clock.monotonic();
      await (await opened(options)).publish('q', [message('m')]);
      expect(textsOf(await waiting)).toEqual(['m']);
      expect(clock.monotonic() - since).toBeLessThan(2000);
    });

    it(
      'that does not answer is given up after five seconds, and another connection made',
      { timeout: 40_000 },
      async () => {
        const broker = await open();
        server.freeze();
        const since = clock.monotonic();
        await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ away: true });
        expect(clock.monotonic() - since).toBeLessThan(8000);
        server.thaw();
        await eventually(() => broker.publish('q', [message('m')]));
      },
    );

    it('that became a replica, or is full, says so, and works when it is over', { timeout: 30_000 }, async () => {
      const broker = await open();
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      await admin.replicaof('127.0.0.1', '1');
      await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ away: true });
      await admin.replicaof('NO', 'ONE');
      await broker.publish('q', [message('before')]);
      const subscription = await subscribe(broker);
      await admin.config('SET', 'maxmemory', '1mb');
      await expect(broker.publish('q', [message('m', { delay: 5 })])).rejects.toMatchObject({
        code: 'FUNQ_REDIS_FULL',
      });
      expect(await subscription.ack(await taken(subscription, 1))).toEqual([]);
      await admin.config('SET', 'maxmemory', '0');
      expect(await broker.publish('q', [message('after')])).toEqual([]);
      expect(textsOf(await taken(subscription, 1))).toEqual(['after']);
    });

    it('that took a part of what was published says of the rest why, and not what it was', async () => {
      const broker = await open();
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))![1]);
      await admin.config('SET', 'maxmemory', `${used + 20_000_000}`);
      const bodies = Array.from({ length: 40 }, () => message('', { body: Buffer.alloc(1_500_000, 'secret ') }));
      const failures = await broker.publish('q', bodies);
      expect(failures.length).toBeGreaterThan(0);
      expect(failures.length).toBeLessThan(40);
      expect(new Set(failures.map(({ error }) => (error as { code?: string }).code))).toEqual(
        new Set(['FUNQ_REDIS_FULL']),
      );
      expect(inspect(failures[0]!.error, { depth: 10 })).not.toMatch(/secret|Buffer/);
    });

    it('gets back what a consumer has that closes, also when it is full', async () => {
      const broker = await open();
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      await broker.publish('q', [message('a'), message('b')]);
      const subscription = await subscribe(broker);
      await taken(subscription, 1);
      await admin.config('SET', 'maxmemory', '1mb');
      await subscription.close();
      expect(textsOf(await taken(await subscribe(broker), 2))).toEqual(['a', 'b']);
    });

    it('whose answer got lost has handed out nothing for good', { timeout: 30_000 }, async () => {
      await server.start();
      const { proxy, url } = await proxyTo(server.url);
      atEnd(() => proxy.close());
      const broker = await opened({ url });
      const subscription = await subscribe(broker);
      await broker.publish('q', [message('known'), message('a'), message('b')]);
      const known = await taken(subscription, 1);
      proxy.mute();
      const lost = subscription.receive(5, new AbortController().signal);
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      const holding = async (): Promise<number> => {
        const [key] = await admin.keys('*:held:*');
        return key ? admin.scard(key) : 0;
      };
      await expect.poll(holding, { timeout: 5000 }).toBe(3);
      proxy.reset();
      await expect(lost).rejects.toMatchObject({ away: true });
      const again = await eventually(() => taken(subscription, 2));
      expect(textsOf(again)).toEqual(['a', 'b']);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([0, 0]);
      expect(await subscription.ack([...known, ...again])).toEqual([]);
      expect((await admin.keys('*:bodies')).length).toBe(0);
    });

    it('closes without waiting for a server that is away', { timeout: 20_000 }, async () => {
      const broker = await open();
      await subscribe(broker);
      await server.stop('SIGKILL');
      await broker.close();
      await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ code: 'FUNQ_REDIS_CLOSED' });
    });

    it('leaves no connection behind, however often it was restarted', { timeout: 40_000 }, async () => {
      const broker = await open();
      const subscription = await subscribe(broker);
      for (let round = 0; round < 5; round++) {
        await server.stop('SIGKILL');
        await server.start();
        await eventually(() => broker.publish('q', [message(`${round}`)]));
        await eventually(async () => subscription.ack(await taken(subscription, 1)));
      }
      const admin = new Redis(server.port);
      atEnd(() => admin.disconnect());
      await once(admin, 'ready');
      const clients = (await admin.client('LIST')) as string;
      expect(clients.match(/name=nestjs-funq /g)).toHaveLength(1);
    });
  });
});
