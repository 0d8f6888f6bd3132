import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Broker, Delivery, Subscription } from 'nestjs-funq';
import { redis } from 'nestjs-funq/redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const NEVER = new AbortController().signal;

withService('redis', (url) => {
  describe('a consumer whose answer got lost', () => {
    it('still owns what it knows of, while the two agree anew', async () => {
      const { subscription, mine } = await inDoubt(url);
      const receiving = subscription.receive(1, NEVER);
      expect(await Promise.all([subscription.extend!([mine]), subscription.ack([mine])])).toEqual([[], []]);
      const [lost] = await receiving;
      expect(String(lost!.body)).toBe('lost');
      expect(await subscription.ack([lost!])).toEqual([]);
    });

    it('still owns it when the answer to that got lost, too', async () => {
      for (const meanwhile of ['nothing', 'extend', 'ack'] as const) {
        const { subscription, mine, loses } = await inDoubt(url);
        loses('funqMove');
        await expect(subscription.receive(1, NEVER)).rejects.toThrow();
        if (meanwhile !== 'nothing') expect(await subscription[meanwhile]!([mine])).toEqual([]);
        const [lost] = await subscription.receive(1, NEVER);
        expect(String(lost!.body)).toBe('lost');
        expect(await subscription.ack([mine, lost!])).toEqual([]);
      }
    });

    it('gives back what it does not know of by a sign of life, when it asks for no more', async () => {
      const { subscription, broker, mine } = await inDoubt(url);
      expect(await broker.count!('doubt')).toBe(0);
      expect(await subscription.extend!([mine])).toEqual([]);
      expect(await broker.count!('doubt')).toBe(1);
      expect(await subscription.ack([mine])).toEqual([]);
    });

    it('gives back what it was handed before that, and nobody has received', async () => {
      const { subscription, broker, client, mine } = await inDoubt(url);
      const [lost] = await subscription.receive(1, NEVER);
      const commands = client as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
      const claim = commands['funqClaimBuffer']!;
      commands['funqClaimBuffer'] = async (...values) => {
        await claim.apply(client, values);
        await broker.publish('doubt', [message('handed')]);
        commands['funqClaimBuffer'] = claim;
        throw new Error('Connection is closed.');
      };
      await expect(subscription.receive(1, NEVER)).rejects.toThrow();
      expect(await broker.count!('doubt')).toBe(0);
      expect(await subscription.extend!([mine, lost!])).toEqual([]);
      expect(await broker.count!('doubt')).toBe(1);
      expect(await subscription.ack([mine, lost!])).toEqual([]);
    });

    it('gives back what it has settled, where a server took over that lacks the last moments', async () => {
      const { subscription, client, namespace, mine } = await inDoubt(url);
      const [lost] = await subscription.receive(1, NEVER);
      const key = `${namespace}:{doubt}`;
      const [held] = await client.keys(`${key}:held:*`);
      const [members, bodies] = await Promise.all([client.smembers(held!), client.hgetall(`${key}:bodies`)]);
      expect(await subscription.ack([mine, lost!])).toEqual([]);
      await client.sadd(held!, ...members);
      await client.hset(`${key}:bodies`, bodies);
      const texts = (await subscription.receive(2, NEVER)).map(({ body }) => String(body));
      expect(texts.toSorted()).toEqual(['lost', 'mine']);
    });

    it('leaves nothing behind when it closes then', async () => {
      const { subscription, broker, loses } = await inDoubt(url);
      loses('funqMove');
      await expect(subscription.receive(1, NEVER)).rejects.toThrow();
      await subscription.close();
      expect(await broker.count!('doubt')).toBe(2);
    });

    it('agrees at once when it waits', async () => {
      const { subscription, mine, loses } = await inDoubt(url);
      const [lost] = await subscription.receive(1, NEVER);
      await subscription.ack([lost!]);
      const receiving = subscription.receive(1, NEVER);
      // Answered after whatever the other one asks.
      await subscription.extend!([mine]);
      await subscription.extend!([mine]);
      const since = performance.now();
      loses('funqRelease', false);
      await expect(subscription.release([mine])).rejects.toThrow();
      expect(String((await receiving)[0]!.body)).toBe('mine');
      expect(performance.now() - since).toBeLessThan(2000);
    });

    it.each([true, false])('gives back once what it could not give back: it arrived: %j', async (arrives) => {
      const { subscription, broker, mine, loses } = await inDoubt(url);
      const [lost] = await subscription.receive(1, NEVER);
      expect(await subscription.ack([lost!])).toEqual([]);
      loses('funqRelease', arrives);
      await expect(subscription.release([mine])).rejects.toThrow();
      expect(await broker.count!('doubt')).toBe(arrives ? 1 : 0);
      const receiving = arrives ? subscription.receive(1, NEVER) : undefined;
      expect(await subscription.release([mine])).toEqual([]);
      const again = await (receiving ?? subscription.receive(1, NEVER));
      expect(String(again[0]!.body)).toBe('mine');
      expect(await subscription.release([mine])).toEqual([]);
      expect(await broker.count!('doubt')).toBe(0);
      expect(await subscription.ack(again)).toEqual([]);
    });
  });
});

interface InDoubt {
  readonly broker: Broker;
  readonly client: Redis;
  readonly namespace: string;
  readonly subscription: Subscription;
  readonly mine: Delivery;
  /** The answer to the next such command gets lost, or the command itself. */
  loses(name: string, arrives?: boolean): void;
}

/** It has one message, and does not know that it was handed another one. */
async function inDoubt(url: string): Promise<InDoubt> {
  const client = new Redis(url);
  const namespace = `test-${randomUUID()}`;
  const broker = redis({ client, namespace });
  await broker.connect({ clock: new SystemClock() });
  const subscription = await broker.subscribe('doubt', { prefetch: 10, lease: 30_000 });
  onTestFinished(async () => {
    await subscription.close();
    await broker.purge!('doubt');
    await broker.close();
    client.disconnect();
  });
  await broker.publish('doubt', [message('mine'), message('lost')]);
  const [mine] = await subscription.receive(1, NEVER);
  const commands = client as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
  const loses = (name: string, arrives = true): void => {
    const command = commands[name]!;
    commands[name] = async (...values) => {
      commands[name] = command;
      if (arrives) await command.apply(client, values);
      throw new Error('Connection is closed.');
    };
  };
  loses('funqClaimBuffer');
  await expect(subscription.receive(1, NEVER)).rejects.toThrow();
  return { broker, client, namespace, subscription, mine: mine!, loses };
}

function message(text: string): { id: string; body: Buffer } {
  return { id: randomUUID(), body: Buffer.from(text) };
}
