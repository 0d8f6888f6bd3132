import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { postgres } from 'nestjs-funq/postgres';
import { withService } from '../services/service.js';
import { beside, LEASE, NEVER } from './postgres-trial.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

withService('postgres', (url) => {
  describe('a release whose answer did not come in time', () => {
    it('takes nothing away that was handed out after it', { timeout: 60_000 }, async () => {
      // The app's own pool, whose one connection the app uses for a while.
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      onTestFinished(() => pool.end());
      const broker = postgres({ pool });
      const { direct, queue, another } = await beside(url, broker);
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: LEASE });
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
      const other = await another(10);
      const others = await other.receive(1, NEVER);
      expect(taken.length + others.length).toBe(1);
    });
  });
});
