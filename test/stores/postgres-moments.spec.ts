import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CoordinationStore, ResultStore, TaskResult } from 'nestjs-funq';
import { postgresCoordination, postgresResults, postgresStores } from 'nestjs-funq/stores/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LONG = 60_000;
const clock = new SystemClock();
const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

withService('postgres', (url) => {
  const schema = `funq_moments_${randomUUID().slice(0, 8)}`;
  const client = new pg.Client(url);
  beforeAll(() => client.connect());
  afterAll(async () => {
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await client.end();
  });

  async function opened(options: object = { url }): Promise<CoordinationStore & ResultStore> {
    const { results, coordination } = postgresStores({ ...options, schema });
    onTestFinished(() => results.close());
    await results.connect({ clock });
    return { ...results, ...coordination };
  }

  const ended = (id: string, more: Partial<TaskResult> = {}): TaskResult => ({
    id, queue: 'q', status: 'done', attempts: 1, publishedAt: 1, startedAt: 2, finishedAt: 3, host: 'h', pid: 4, ...more,
  }); // prettier-ignore

  describe('what is kept', () => {
    /** How many rows the statements of `work` read. */
    async function reads(work: (store: CoordinationStore & ResultStore) => Promise<unknown>): Promise<number> {
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      onTestFinished(() => pool.end());
      const store = await opened({ pool });
      // The only connection stays in this transaction, which counts by itself.
      await pool.query('BEGIN');
      await work(store);
      const { rows } = await pool.query(
        `SELECT sum(seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE schemaname = $1`,
        [schema],
      );
      await pool.query('ROLLBACK');
      return (rows as { rows: number }[])[0]!.rows;
    }

    it('of executed calls is not read by the next claim', async () => {
      await opened();
      await client.query(`INSERT INTO "${schema}".funq_filter (key, owner, done, until)
        SELECT sha256(n::text::bytea), 'a', true, now() + interval '1 day' FROM generate_series(1, 5000) AS n`);
      expect(await reads((store) => store.claim('new', 'b', LONG))).toBeLessThan(20);
    });

    it('of outcomes is not read by the next save', async () => {
      const store = await opened();
      const kept = Array.from({ length: 5000 }, (_, n) => ended(`kept ${n}`, { expiresAt: clock.now() + LONG * 60 }));
      await store.save(kept);
      expect(await reads((each) => each.save([ended('new', { expiresAt: clock.now() + LONG })]))).toBeLessThan(20);
    });
  });

  it('keys that ran out are claimed by many at once, and nobody waits in a circle', async () => {
    const stores = [await opened(), await opened()];
    for (let round = 0; round < 30; round++) {
      const keys = Array.from({ length: 8 }, (_, n) => `circle ${round} ${n}`);
      await Promise.all(keys.map((key) => stores[0]!.confirm(key, 'before', 0)));
      const claims = keys.map((key, n) => stores[n % 2]!.claim(key, 'a', LONG));
      expect(new Set((await Promise.all(claims)).map(({ state }) => state))).toEqual(new Set(['claimed']));
    }
  });

  it('a start is reserved though its key is removed for want of use in that moment', async () => {
    const store = await opened();
    await store.reserve('idle', 1000, 1, 1);
    const other = new pg.Client(url);
    await other.connect();
    onTestFinished(() => other.end());
    await other.query('BEGIN');
    await other.query(`SELECT FROM "${schema}".funq_rates WHERE key = $1 FOR UPDATE`, [digest('idle')]);
    const reserving = store.reserve('idle', 1000, 1, 1);
    for (let waits = false; !waits;) {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
      );
      waits = rows.length > 0;
    }
    await other.query(`DELETE FROM "${schema}".funq_rates WHERE key = $1`, [digest('idle')]);
    await other.query('COMMIT');
    expect(await reserving).toBe(0);
    expect(await store.reserve('idle', 1000, 1, 1)).toBeGreaterThan(0);
  });

  it('a record whose id is no proper text is named and does not hold up the others', async () => {
    const store = await opened();
    const failures = await store.save([ended('x\ud83d'), ended('before'), ended('x\ud83c'), ended('x\ufffd')]);
    expect(failures.map(({ index }) => index)).toEqual([0, 2]);
    expect((await store.find('before'))?.id).toBe('before');
    expect(await store.find('x\ud83d')).toBeUndefined();
    expect((await store.find('x\ufffd'))?.id).toBe('x\ufffd');
  });

  it('an owner may have any name', async () => {
    const store = await opened();
    for (const owner of ['a\0b', 'a', '']) {
      const key = JSON.stringify(owner);
      expect(await store.claim(key, owner, LONG)).toEqual({ state: 'claimed' });
      expect(await store.claim(key, 'another', LONG)).toEqual({ state: 'running' });
      expect(await store.confirm(key, owner, LONG)).toBe(true);
      expect(await store.claim(key, owner, LONG)).toEqual({ state: 'done', own: true });
      await store.release(key, owner);
    }
  });

  it('several processes make the tables at once, whatever isolation the database gives its transactions', async () => {
    const other = `${schema}_rr`;
    onTestFinished(() => client.query(`DROP SCHEMA IF EXISTS "${other}" CASCADE`).then(() => undefined));
    const options = { url, schema: other, options: '-c default_transaction_isolation=repeatable\\ read' };
    const stores = Array.from({ length: 4 }, (_, n) =>
      n % 2 ? postgresCoordination(options) : postgresResults(options),
    );
    onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    await Promise.all(stores.map((store) => store.connect({ clock })));
  });
});
