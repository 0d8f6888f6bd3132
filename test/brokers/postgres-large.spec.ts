import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const NEVER = new AbortController().signal;
const clock = new SystemClock();

withService('postgres', (url) => {
  describe('many large messages', () => {
    it('come to a consumer that asks for many', { timeout: 200_000 }, async () => {
      const broker = postgres({ url });
      await broker.connect({ clock });
      const queue = `large-${randomUUID()}`;
      onTestFinished(async () => {
        await broker.purge!(queue);
        await broker.close();
      });
      const body = Buffer.alloc(2 ** 20, 'x');
      const count = 250;
      const ten = Array.from({ length: 10 }, () => ({ id: randomUUID(), body }));
      for (let n = 0; n < count; n += 10) await broker.publish(queue, ten);
      const subscription = await broker.subscribe(queue, { prefetch: 250, lease: 600_000 });
      let got = 0;
      for (let tries = 0; got < count && tries < 40; tries++) {
        const taken = await subscription.receive(250, NEVER);
        got += taken.length;
        await subscription.ack(taken);
      }
      expect(got).toBe(count);
    });
  });
});
