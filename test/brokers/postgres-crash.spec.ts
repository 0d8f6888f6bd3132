import { expect, it, onTestFinished } from 'vitest';
import pg from 'pg';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { ownPostgres, withOwnPostgres } from '../services/own-postgres.js';
import { proxyTo } from '../services/proxy-to.js';

const NEVER = new AbortController().signal;
const clock = new SystemClock();
const LEASE = 600_000;

withOwnPostgres('postgres, one of whose processes is killed', () => {
  it('what it forgot by that, and another consumer has done, is not acknowledged', { timeout: 60_000 }, async () => {
    const own = await ownPostgres();
    const { proxy, url } = await proxyTo(own.url);
    const [direct, broker] = [postgres({ url: own.url }), postgres({ url })];
    onTestFinished(async () => {
      await Promise.all([direct.close(), broker.close()]);
      await proxy.close();
      await own.remove();
    }, 30_000);
    const admin = new pg.Client(own.url);
    admin.on('error', () => undefined);
    await admin.connect();
    await admin.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
    await admin.query('SELECT pg_reload_conf()');
    await Promise.all([direct.connect({ clock }), broker.connect({ clock })]);
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: LEASE });
    await direct.publish('q', [{ id: 'a', body: Buffer.from('a') }]);
    const [delivery] = await subscription.receive(1, NEVER);
    proxy.hang();
    await expect(subscription.ack([delivery!])).rejects.toMatchObject({ away: true });
    const { rows } = await admin.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    process.kill(rows[0]!.pid, 'SIGKILL');
    const ready = async (): Promise<number> => direct.count!('q').catch(() => -1);
    await expect.poll(ready, { timeout: 20_000 }).toBe(1);
    const other = await direct.subscribe('q', { prefetch: 10, lease: LEASE });
    expect(await other.ack(await other.receive(1, NEVER))).toEqual([]);
    const again = () => subscription.ack([delivery!]);
    expect(await again().catch(again).catch(again)).toEqual([delivery]);
  });
});
