import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { emptied } from './emptied.js';
import { admin, atEnd, clock, eventually, message, opened, subscribe, taken, textsOf } from './opened.js';

const NEVER = new AbortController().signal;

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });
  const waiting = (client: Redis, queue: string) =>
    expect.poll(() => client.zcard(`${namespace}:{${queue}}:waiters`), { timeout: 5000 }).toBe(1);
  const proxied = async () => {
    const way = await proxyTo(url);
    atEnd(() => way.proxy.close());
    return way;
  };

  describe('a connection by which a consumer hears', () => {
    it('may be given up because of another queue, before it ends', async () => {
      const { proxy, url: through } = await proxied();
      const broker = await opened({ url: through, namespace, options: { commandTimeout: 500 } });
      const subscription = await subscribe(broker, 'given-up');
      const receiving = eventually(() => subscription.receive(1, NEVER));
      await waiting(admin(url), 'given-up');
      proxy.mute();
      await (await opened({ url, namespace })).publish('given-up', [message('m')]);
      await expect(broker.publish('other', [message('m')])).rejects.toMatchObject({ away: true });
      // Heard by another one, while the old one hangs.
      await (await subscribe(broker, 'other')).receive(1, NEVER);
      expect(textsOf(await receiving)).toEqual(['m']);
    });

    it.each([2, 3] as const)('may mend itself without listening again: protocol %d', async (protocol) => {
      const { proxy, url: through } = await proxied();
      const client = new Redis(through, { protocol, autoResubscribe: false, autoResendUnfulfilledCommands: false });
      client.on('error', () => undefined);
      atEnd(() => client.disconnect());
      const queue = `mends-${protocol}`;
      const subscription = await subscribe(await opened({ client, namespace }), queue);
      const receiving = eventually(() => subscription.receive(1, NEVER));
      const other = admin(url);
      await waiting(other, queue);
      const [name] = await other.zrange(`${namespace}:{${queue}}:waiters`, 0, '-1');
      proxy.reset();
      await expect.poll(() => other.zrange(`${namespace}:{${queue}}:waiters`, 0, '-1')).not.toContain(name);
      await waiting(other, queue);
      const since = clock.monotonic();
      await (await opened({ url, namespace })).publish(queue, [message('m')]);
      expect(textsOf(await receiving)).toEqual(['m']);
      expect(clock.monotonic() - since).toBeLessThan(1000);
    });

    it('may bring a message to one that closes, which does not count as handed out', async () => {
      const { proxy, url: through } = await proxied();
      const subscription = await subscribe(await opened({ url: through, namespace }), 'unseen');
      const publisher = await opened({ url, namespace });
      await publisher.publish('unseen', [message('seen', { priority: 1 })]);
      await taken(subscription, 1);
      const receiving = subscription.receive(1, NEVER);
      await waiting(admin(url), 'unseen');
      proxy.mute();
      await publisher.publish('unseen', [message('unseen')]);
      const closing = subscription.close();
      await expect.poll(() => publisher.count!('unseen')).toBe(2);
      proxy.reset();
      await closing.catch(() => undefined);
      expect(await receiving).toEqual([]);
      const deliveries = await taken(await subscribe(publisher, 'unseen'), 2);
      expect(textsOf(deliveries)).toEqual(['seen', 'unseen']);
      expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([1, 0]);
    });

    it('may bring what the consumer gave back, which it then holds anew', async () => {
      const client = admin(url);
      const { proxy, url: through } = await proxied();
      const broker = await opened({ url: through, namespace });
      const subscription = await subscribe(broker, 'anew');
      await broker.publish('anew', [message('m')]);
      const first = await taken(subscription, 1);
      const receiving = subscription.receive(1, NEVER);
      await waiting(client, 'anew');
      expect(await subscription.release(first)).toEqual([]);
      const second = await receiving;
      expect(await subscription.release(first)).toEqual([]);
      // Whatever it does not know of goes back.
      const doubting = eventually(() => subscription.receive(1, AbortSignal.timeout(1000)));
      await waiting(client, 'anew');
      proxy.reset();
      expect(await doubting).toEqual([]);
      expect(await client.scard((await client.keys(`${namespace}:{anew}:held:*`))[0]!)).toBe(1);
      expect(await subscription.ack(second)).toEqual([]);
      expect(await client.exists(`${namespace}:{anew}:bodies`)).toBe(0);
    });
  });
});
