import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { beside, LEASE, NEVER } from './postgres-trial.js';

const texts = (list: readonly Delivery[]): string[] => list.map(({ body }) => Buffer.from(body).toString());

withService('postgres', (url) => {
  describe('what was fetched ahead and goes back', () => {
    it('is not handed out when the answer to that got lost: another consumer has it', { timeout: 60_000 }, async () => {
      const { proxy, url: through } = await proxyTo(url);
      onTestFinished(() => proxy.close());
      const broker = postgres({ url: through });
      const { direct, queue, another } = await beside(url, broker);
      let subscription = await broker.subscribe(queue, { prefetch: 500, lease: LEASE });
      await direct.publish(
        queue,
        Array.from({ length: 200 }, (_, n) => ({ id: randomUUID(), body: Buffer.from(String(n)) })),
      );
      let taken: Delivery[] = [];
      // Quick enough for the next batch to be fetched ahead.
      for (let round = 0; round < 5; round++) taken = [...taken, ...(await subscription.receive(20, NEVER))];
      await expect.poll(() => direct.count!(queue)).toBe(200 - taken.length - 20);
      proxy.mute();
      await expect.poll(() => direct.count!(queue), { timeout: 5000 }).toBe(200 - taken.length);
      const other = await another(500);
      const others: string[] = [];
      while (others.length < 200 - taken.length) others.push(...texts(await other.receive(250, NEVER)));
      expect(others).toHaveLength(200 - taken.length);
      // As the core does: again soon after each failure, by another subscription where this one is over.
      const again = async (): Promise<Delivery[]> => {
        try {
          if (subscription.lasting === false)
            subscription = await broker.subscribe(queue, { prefetch: 500, lease: LEASE });
          return await subscription.receive(20, NEVER);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50));
          return again();
        }
      };
      const mine = texts(await again());
      expect(mine.filter((text) => others.includes(text))).toEqual([]);
    });
  });
});
