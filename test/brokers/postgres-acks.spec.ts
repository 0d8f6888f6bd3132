import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const NEVER = new AbortController().signal;

withService('postgres', (url) => {
  describe('an acknowledgement whose answer got lost', () => {
    it('is taken again, also beside others, and what was given back is not ours', async () => {
      const broker = postgres({ url });
      await broker.connect({ clock: new SystemClock() });
      const queue = `acks-${randomUUID()}`;
      onTestFinished(async () => {
        await broker.purge!(queue);
        await broker.close();
      });
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 60_000 });
      await broker.publish(
        queue,
        ['a', 'b', 'c'].map((text) => ({ id: randomUUID(), body: Buffer.from(text) })),
      );
      const [first, second, third] = await subscription.receive(3, NEVER);
      // The second call is made before the first one was answered, as after a deadline; nobody hears the first answer then.
      const unheard = subscription.ack([first!]);
      expect(await subscription.ack([first!, second!])).toEqual([]);
      await unheard;
      expect(await subscription.release([third!])).toEqual([]);
      expect(await subscription.ack([third!])).toEqual([third]);
      await subscription.close();
      expect(await subscription.ack([second!])).toEqual([second]);
    });
  });
});
