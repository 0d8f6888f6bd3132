import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { FastClock } from '../services/fast-clock.js';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';

const SOON = 7000;
const within = <T>(work: Promise<T>): Promise<T | string> =>
  Promise.race([
    work.catch((error: unknown) => String(error)),
    new Promise<string>((resolve) => setTimeout(() => resolve('hangs'), SOON)),
  ]);

/** What keeps a process from its end. */
const socketsTo = (port: number): number =>
  (process as unknown as { _getActiveHandles(): { remotePort?: number }[] })
    ._getActiveHandles()
    .filter(({ remotePort }) => remotePort === port).length;

withService('postgres', (url) => {
  describe('connections that carry nothing any more', () => {
    it('do not hold up the closing, and do not stay open', { timeout: 30_000 }, async () => {
      const { proxy, url: through } = await proxyTo(url);
      onTestFinished(() => proxy.close());
      const broker = postgres({ url: through });
      await broker.connect({ clock: new SystemClock() });
      const subscription = await broker.subscribe(randomUUID(), { prefetch: 1, lease: 600_000 });
      await subscription.close();
      proxy.hang();
      expect(await within(broker.close())).toBe(undefined);
      await expect.poll(() => socketsTo(proxy.port), { timeout: SOON }).toBe(0);
    });

    it('of a pool that was handed in do not hold up the opening', { timeout: 30_000 }, async () => {
      const { proxy, url: through } = await proxyTo(url);
      const pool = new pg.Pool({ connectionString: through });
      pool.on('error', () => undefined);
      onTestFinished(async () => {
        await proxy.close();
        await pool.end();
      });
      await pool.query('SELECT 1');
      proxy.hang();
      const broker = postgres({ pool });
      expect(await within(broker.connect({ clock: new FastClock(10) }))).toMatch(/can't be reached/);
      expect(await within(broker.count!(randomUUID()))).toBe(0);
      await broker.close();
    });

    it('of a pool that is handed in and used up do not hold up the opening', { timeout: 30_000 }, async () => {
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      const own = await pool.connect();
      onTestFinished(() => pool.end());
      const broker = postgres({ pool });
      expect(await within(broker.connect({ clock: new FastClock(10) }))).toMatch(/can't be reached/);
      own.release();
      expect(await within(broker.count!(randomUUID()))).toBe(0);
      await broker.close();
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
    });
  });
});
