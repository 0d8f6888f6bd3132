import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Subscription } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const NEVER = new AbortController().signal;
const clock = new SystemClock();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

withService('postgres', (url) => {
  describe('a release whose answer did not come in time', () => {
    it('takes nothing away that was handed out after it', { timeout: 60_000 }, async () => {
      // The app's own pool, whose one connection the app uses for a while.
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      const [direct, broker] = [postgres({ url }), postgres({ pool })];
      await Promise.all([direct.connect({ clock }), broker.connect({ clock })]);
      const queue = `late-${randomUUID()}`;
      const opened: Subscription[] = [];
      onTestFinished(async () => {
        await broker.close();
        await Promise.all(opened.map((each) => each.close()));
        await direct.purge!(queue);
        await direct.close();
        await pool.end();
      });
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 600_000 });
      await direct.publish(queue, [{ id: randomUUID(), body: Buffer.from('a') }]);
      const [first] = await subscription.receive(1, NEVER);
      const busy = await pool.connect();
      const releasing = subscription.release([first!]).catch((error: unknown) => error);
      await pause(300);
      const receiving = subscription.receive(1, NEVER).catch(() => []);
      expect(await releasing).toBeInstanceOf(Error);
      const again = subscription.release([first!]);
      busy.release();
      const taken = await receiving;
      await again.catch(() => undefined);
      const other = await direct.subscribe(queue, { prefetch: 10, lease: 600_000 });
      opened.push(other);
      const others = await other.receive(1, NEVER);
      expect(taken.length + others.length).toBe(1);
    });
  });
});
