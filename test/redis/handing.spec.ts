import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { ManualClock } from 'nestjs-funq/testing';
import { describe, expect, it } from 'vitest';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { emptied } from './emptied.js';
import { admin, atEnd, created, eventually, message, opened, subscribe, taken, textsOf } from './opened.js';

const NEVER = new AbortController().signal;

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });
  const open = () => opened({ url, namespace });
  /** Resolves when so many consumers of the queue wait. */
  const waiting = (client: Redis, queue: string, count = 1) =>
    expect.poll(() => client.zcard(`${namespace}:{${queue}}:waiters`), { timeout: 5000 }).toBe(count);
  const held = async (client: Redis, queue: string): Promise<number> => {
    const keys = await client.keys(`${namespace}:{${queue}}:held:*`);
    return keys.length === 0 ? 0 : client.scard(keys[0]!);
  };

  describe('a consumer that waits', () => {
    it('is handed the message by whoever publishes it, and finds it again when that got lost', async () => {
      const { proxy, url: through } = await proxyTo(url);
      atEnd(() => proxy.close());
      const client = admin(url);
      const subscription = await subscribe(await opened({ url: through, namespace }), 'lost');
      const receiving = eventually(() => subscription.receive(5, NEVER));
      await waiting(client, 'lost');
      proxy.mute();
      const publisher = await open();
      await publisher.publish('lost', [message('handed'), message('next')]);
      // It can't have asked for it.
      expect(await held(client, 'lost')).toBe(1);
      expect(await publisher.count!('lost')).toBe(1);
      proxy.reset();
      const deliveries = [...(await receiving)];
      if (deliveries.length < 2) deliveries.push(...(await taken(subscription, 2 - deliveries.length)));
      expect(textsOf(deliveries)).toEqual(['handed', 'next']);
      expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([0, 0]);
      expect(await subscription.ack(deliveries)).toEqual([]);
      expect(await client.exists(`${namespace}:{lost}:bodies`)).toBe(0);
    });

    it('does not go without because another one died, or is frozen', async () => {
      const client = admin(url);
      const [dead, frozen] = [1, 2].map(() => `${randomUUID()}+${randomUUID()}`);
      const key = `${namespace}:{dead}`;
      const subscription = await subscribe(await open(), 'dead');
      const receiving = subscription.receive(1, AbortSignal.timeout(4000));
      await waiting(client, 'dead');
      const listener = admin(url);
      await listener.subscribe(`${key}:wake:${frozen!.slice(0, 36)}`);
      await client.zadd(`${key}:consumers`, Date.now() + 60_000, dead!, 1, frozen!);
      await client.zadd(`${key}:waiters`, 0, dead!, 1, frozen!);
      await (await open()).publish('dead', [message('m')]);
      const deliveries = await receiving;
      expect(textsOf(deliveries)).toEqual(['m']);
      expect(deliveries[0]!.redelivered).toBe(0);
    });

    it('gets each in turn, so that nobody has all of them', async () => {
      const client = admin(url);
      const subscriptions = await Promise.all([1, 2, 3].map(async () => subscribe(await open(), 'turns')));
      const receiving = subscriptions.map((each) => each.receive(3, NEVER));
      await waiting(client, 'turns', 3);
      await (await open()).publish('turns', ['a', 'b', 'c'].map((text) => message(text))); // prettier-ignore
      const texts = (await Promise.all(receiving)).map(textsOf);
      expect(texts.flat().toSorted()).toEqual(['a', 'b', 'c']);
      expect(texts.map(({ length }) => length)).toEqual([1, 1, 1]);
    });

    it('is handed what comes back, and how often it came', async () => {
      const client = admin(url);
      const broker = await open();
      const first = await subscribe(broker, 'back');
      await broker.publish('back', [message('m')]);
      await taken(first, 1);
      const second = await subscribe(await open(), 'back');
      for (const redelivered of [1, 2]) {
        const [from, to] = redelivered === 1 ? [first, second] : [second, await subscribe(broker, 'back')];
        const receiving = to.receive(1, NEVER);
        await waiting(client, 'back');
        await from.close();
        const [delivery] = await receiving;
        expect(delivery!.redelivered).toBe(redelivered);
        expect(textsOf([delivery!])).toEqual(['m']);
      }
    });

    it('asks itself for what is large', async () => {
      const client = admin(url);
      const broker = await open();
      const key = `${namespace}:{large}`;
      // Somebody who hears of it and does nothing.
      const listener = `${randomUUID()}+${randomUUID()}`;
      await client.subscribe(`${key}:wake:${listener.slice(0, 36)}`);
      const other = admin(url);
      await other.zadd(`${key}:waiters`, 0, listener);
      await other.zadd(`${key}:consumers`, Date.now() + 60_000, listener);
      const heard = once(client, 'message');
      const body = Buffer.alloc(100_000, 'x');
      await broker.publish('large', [message('', { body })]);
      expect(await heard).toEqual([`${key}:wake:${listener.slice(0, 36)}`, listener]);
      const [delivery] = await taken(await subscribe(broker, 'large'), 1);
      expect(Buffer.compare(delivery!.body, body)).toBe(0);
    });

    it('holds nothing for which it does not ask any more', async () => {
      const client = admin(url);
      const broker = await open();
      const subscription = await subscribe(broker, 'stopped');
      const stop = new AbortController();
      const receiving = subscription.receive(5, stop.signal);
      await waiting(client, 'stopped');
      stop.abort();
      expect(await receiving).toEqual([]);
      await waiting(client, 'stopped', 0);
      await broker.publish('stopped', [message('m')]);
      expect(await held(client, 'stopped')).toBe(0);
      expect(await broker.count!('stopped')).toBe(1);
    });

    it('gives back what it was handed while it asked, beyond what it asked for', async () => {
      const client = new Redis(url, { protocol: 3 });
      atEnd(() => client.disconnect());
      const clock = new ManualClock();
      const broker = created({ client, namespace });
      await broker.connect({ clock });
      const subscription = await subscribe(broker, 'more');
      const receiving = subscription.receive(1, NEVER);
      await waiting(client, 'more');
      const publisher = await open();
      const commands = client as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
      const claim = commands['funqClaimBuffer']!;
      commands['funqClaimBuffer'] = async (...values) => {
        await publisher.publish('more', [message('first'), message('second')]);
        return claim.apply(client, values);
      };
      await clock.advance(5000);
      expect(textsOf(await receiving)).toEqual(['first']);
      commands['funqClaimBuffer'] = claim;
      await eventually(async () => expect(await publisher.count!('more')).toBe(1));
      expect(textsOf(await subscription.receive(1, NEVER))).toEqual(['second']);
    });

    it('waits no more once it has one that came while it asked', async () => {
      const client = new Redis(url, { protocol: 3 });
      atEnd(() => client.disconnect());
      const publisher = await open();
      const subscription = await subscribe(await opened({ client, namespace }), 'meanwhile');
      await publisher.publish('meanwhile', [message('never', { delay: 300, ttl: 200 })]);
      const receiving = subscription.receive(1, NEVER);
      await waiting(client, 'meanwhile');
      const commands = client as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
      const claim = commands['funqClaimBuffer']!;
      commands['funqClaimBuffer'] = async (...values) => {
        commands['funqClaimBuffer'] = claim;
        await publisher.publish('meanwhile', [message('first')]);
        return claim.apply(client, values);
      };
      expect(textsOf(await receiving)).toEqual(['first']);
      await publisher.publish('meanwhile', [message('second')]);
      expect(await held(client, 'meanwhile')).toBe(1);
    });

    it('is not disturbed by what falls due later than what it waits for', async () => {
      const client = admin(url);
      const broker = await open();
      await broker.publish('later', [message('first', { delay: 60_000 })]);
      const receiving = (await subscribe(broker, 'later')).receive(1, AbortSignal.timeout(1000));
      await waiting(client, 'later');
      const key = `${namespace}:{later}:waiters`;
      // One that asked again waits since then.
      await broker.publish('later', [message('second', { delay: 70_000 })]);
      expect(await client.zcount(key, 0, 0)).toBe(1);
      await broker.publish('later', [message('sooner', { delay: 50_000 })]);
      expect(await client.zcount(key, 0, 0)).toBe(0);
      await waiting(client, 'later');
      expect(await receiving).toEqual([]);
    });
  });
});
