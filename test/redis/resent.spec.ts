import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { emptied } from './emptied.js';
import { admin, atEnd, message, opened, subscribe, taken, textsOf } from './opened.js';

const NEVER = new AbortController().signal;

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });

  describe('a client of the app that asks again by itself when its connection broke', () => {
    it.each([1, 4])('finds what the answer that got lost had brought: of %d messages', async (count) => {
      const { proxy, url: through } = await proxyTo(url);
      atEnd(() => proxy.close());
      const client = new Redis(through, { protocol: 2 });
      client.on('error', () => undefined);
      atEnd(() => client.disconnect());
      const other = admin(url);
      const queue = `resent-${count}`;
      const publisher = await opened({ url, namespace });
      const subscription = await subscribe(await opened({ client, namespace }), queue);
      // It listens already.
      await subscription.receive(1, AbortSignal.timeout(200));
      const texts = Array.from({ length: count }, (_, n) => `${n}`);
      await publisher.publish(queue, texts.map((text) => message(text))); // prettier-ignore
      proxy.mute();
      const receiving = subscription.receive(2, NEVER);
      const waiting = () => publisher.count!(queue);
      await expect.poll(waiting).toBe(Math.max(0, count - 2));
      // Its other connection, by which it hears, still stands.
      (client as unknown as { stream: Socket }).stream.destroy();
      const deliveries = [...(await receiving)];
      deliveries.push(...(await taken(subscription, count - deliveries.length, 3000)));
      expect(textsOf(deliveries).toSorted()).toEqual(texts);
      expect(deliveries.every(({ redelivered }) => redelivered === 0)).toBe(true);
      expect(await subscription.ack(deliveries)).toEqual([]);
      expect(await other.exists(`${namespace}:{${queue}}:bodies`)).toBe(0);
    });
  });
});
