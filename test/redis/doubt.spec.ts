import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Delivery, Subscription } from 'nestjs-funq';
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
  });
});

/** It has one message, and does not know that it was handed another one. */
async function inDoubt(url: string): Promise<{ subscription: Subscription; mine: Delivery }> {
  const client = new Redis(url);
  const broker = redis({ client, namespace: `test-${randomUUID()}` });
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
  const claim = commands['funqClaimBuffer']!;
  commands['funqClaimBuffer'] = async (...values) => {
    commands['funqClaimBuffer'] = claim;
    await claim.apply(client, values);
    throw new Error('Connection is closed.');
  };
  await expect(subscription.receive(1, NEVER)).rejects.toThrow();
  return { subscription, mine: mine! };
}

function message(text: string): { id: string; body: Buffer } {
  return { id: randomUUID(), body: Buffer.from(text) };
}
