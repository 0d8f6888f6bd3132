import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Broker } from 'nestjs-funq';
import { postgres, type PostgresBrokerOptions } from 'nestjs-funq/postgres';
import { postgresResults, postgresStores } from 'nestjs-funq/stores/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { ownPostgres, withOwnPostgres, type OwnPostgres } from '../services/own-postgres.js';

const context = { clock: new SystemClock() };
const HBA = [
  'host all guarded 127.0.0.1/32 scram-sha-256',
  'hostssl all encrypted 127.0.0.1/32 trust',
  'host all encrypted 127.0.0.1/32 reject',
].join('\n');

/** What `connect` rejects with, in one text with all that is enclosed. */
async function refusal(options: PostgresBrokerOptions): Promise<{ code: string; away?: true; message: string }> {
  const broker = postgres(options);
  onTestFinished(() => broker.close());
  return broker.connect(context).then(
    () => expect.fail('it connected'),
    (error: unknown) => error as never,
  );
}

describe('postgres options that can not work', () => {
  it.each([
    ['no address', '', 'FUNQ_POSTGRES_URL'],
    ['another protocol', 'mysql://funq:secret@localhost/x', 'FUNQ_POSTGRES_URL'],
    ['a broken address', 'postgres://funq:secret@local host:port', 'FUNQ_POSTGRES_URL'],
    ['no text', 5432 as never, 'FUNQ_POSTGRES_URL'],
  ])('%s is refused at once, without the password', (_, url, code) => {
    const make = (): unknown => postgres({ url });
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining("'url'") as string }));
    expect(make).not.toThrow(/secret/);
    expect(() => postgresStores({ url })).toThrow(expect.objectContaining({ code }));
  });

  it.each(['', 'pg_catalog', 'a\0b', 'x'.repeat(64), '漢'.repeat(22), 'a$funq$b', 5 as never])(
    'schema %j is refused at once',
    (schema) => {
      const make = (): unknown => postgres({ url: 'postgres://localhost/x', schema });
      expect(make).toThrow(expect.objectContaining({ code: 'FUNQ_POSTGRES_SCHEMA' }));
    },
  );
});

withOwnPostgres('postgres refuses', () => {
  let own: OwnPostgres;
  let admin: pg.Client;

  beforeAll(async () => {
    own = await ownPostgres(HBA);
    admin = new pg.Client(own.url);
    await admin.connect();
    await admin.query(
      `CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE ROLE encrypted LOGIN; CREATE ROLE poor LOGIN`,
    );
    // PostgreSQL before 15 lets everybody make tables in public; nobody may make schemas.
    await admin.query(
      `REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE SCHEMA shared; GRANT USAGE ON SCHEMA shared TO poor`,
    );
  }, 60_000);
  afterAll(async () => {
    await admin.end();
    await own.remove();
  });
  const as = (user: string): string => own.url.replace('funq@', `${user}@`);

  it.each([
    ['a wrong password', 'guarded:s3cret', {}, 'PASSWORD'],
    ['no password', 'guarded', {}, 'PASSWORD'],
    ['an unknown user', 'nobody', {}, 'PASSWORD'],
    ['a user who must encrypt', 'encrypted', {}, 'TLS'],
    ['encryption that the server has not', 'funq', { ssl: true }, 'TLS'],
    ['a user without rights', 'poor', {}, 'RIGHTS'],
    ['a user without rights in a schema that is there', 'poor', { schema: 'shared' }, 'RIGHTS'],
  ])('%s', async (_, user, more, code) => {
    const { message, ...error } = await refusal({ url: as(user), ...more });
    expect({ ...error, message }).toMatchObject({ code: `FUNQ_POSTGRES_${code}`, unfit: true });
    expect(error).not.toHaveProperty('away');
    expect(message).toContain(`127.0.0.1:${own.port}/postgres`);
    expect(message).not.toContain('s3cret');
  });

  it('an unknown database', async () => {
    const error = await refusal({ url: own.url.replace(/postgres$/, 'nowhere') });
    expect(error).toMatchObject({
      code: 'FUNQ_POSTGRES_DATABASE',
      message: expect.stringContaining('nowhere') as string,
    });
  });

  it.each([
    ['a port where nobody listens', 'postgres://funq:s3cret@127.0.0.1:1/x'],
    ['a host that is not there', 'postgres://funq:s3cret@nowhere.invalid/x'],
  ])('%s, as away', async (_, url) => {
    const error = await refusal({ url });
    expect(error).toMatchObject({ code: 'FUNQ_POSTGRES_AWAY', away: true });
    expect(error.message).not.toContain('s3cret');
  });

  it('a server that is too old', async () => {
    const rows = [{ number: 110_022, version: '11.22' }];
    const client = { on: () => client, off: () => client, release: () => undefined, query: async () => ({ rows }) };
    const pool = { options: {}, on: () => pool, off: () => pool, connect: async () => client };
    const error = await refusal({ pool: pool as never });
    expect(error).toMatchObject({ code: 'FUNQ_POSTGRES_VERSION', message: expect.stringContaining('11.22') as string });
  });

  it('tables of a newer release, and says so', async () => {
    await ready(postgres({ url: own.url, schema: 'newer' }));
    await admin.query(`UPDATE newer.funq_versions SET version = 99`);
    const error = await refusal({ url: own.url, schema: 'newer' });
    expect(error).toMatchObject({
      code: 'FUNQ_POSTGRES_NEWER',
      message: expect.stringContaining('version 99') as string,
    });
  });

  it('a table of somebody else with the same name, and leaves it alone', async () => {
    await admin.query('CREATE SCHEMA theirs; CREATE TABLE theirs.funq_consumers (name text)');
    const error = await refusal({ url: own.url, schema: 'theirs' });
    expect(error).toMatchObject({ code: 'FUNQ_POSTGRES_FOREIGN' });
    expect(error.message).toContain('theirs.funq_consumers');
    const { rows } = await admin.query(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'theirs'`,
    );
    expect(rows).toEqual([{ table_name: 'funq_consumers' }]);
  });

  it.each([
    ['a table with other columns', 'ALTER TABLE broken.funq_tasks DROP COLUMN body', 'funq_tasks', 'no column body'],
    ['a table that is gone', 'DROP TABLE broken.funq_unique', 'funq_unique', 'is missing'],
  ])('%s, by its name', async (_, damage, table, says) => {
    await admin.query('DROP SCHEMA IF EXISTS broken CASCADE');
    await ready(postgres({ url: own.url, schema: 'broken' }));
    await admin.query(damage);
    const error = await refusal({ url: own.url, schema: 'broken' });
    expect(error).toMatchObject({ code: 'FUNQ_POSTGRES_TABLES' });
    expect(error.message).toContain(`broken.${table}`);
    expect(error.message).toContain(says);
  });

  it('nobody who has the rights to work alone, once the tables are there', async () => {
    await ready(postgres({ url: own.url, schema: 'granted' }));
    await admin.query(`GRANT USAGE ON SCHEMA granted TO poor;
      GRANT ALL ON ALL TABLES IN SCHEMA granted TO poor; GRANT ALL ON ALL SEQUENCES IN SCHEMA granted TO poor`);
    await ready(postgres({ url: as('poor'), schema: 'granted' }), async (broker) => {
      await broker.publish('q', [{ id: '1', body: Buffer.from('x') }]);
      const subscription = await broker.subscribe('q', { prefetch: 1, lease: 5000 });
      expect(await subscription.receive(1, new AbortController().signal)).toHaveLength(1);
    });
  });

  it('none of eight that make the tables at the same time', async () => {
    const brokers = Array.from({ length: 8 }, () => postgres({ url: own.url, schema: 'at "once"' }));
    const stores = Array.from({ length: 8 }, () => postgresStores({ url: own.url, schema: 'at "once"' }).results);
    await Promise.all([...brokers, ...stores].map((each) => each.connect(context)));
    await Promise.all([...brokers, ...stores].map((each) => each.close()));
  });

  it('no pool that was handed in, and leaves it open', async () => {
    const pool = new pg.Pool({ connectionString: own.url, max: 2 });
    const results = postgresResults({ pool, schema: 'lent' });
    await results.connect(context);
    await ready(postgres({ pool, schema: 'lent' }), async (broker) => {
      await broker.publish('q', [{ id: '1', body: Buffer.from('x') }]);
      const subscription = await broker.subscribe('q', { prefetch: 1, lease: 5000 });
      expect(await subscription.receive(1, new AbortController().signal)).toHaveLength(1);
    });
    await results.close();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(pool.listenerCount('error')).toBe(0);
    await pool.end();
  });
});

async function ready(broker: Broker, work?: (broker: Broker) => Promise<void>): Promise<void> {
  await broker.connect(context);
  try {
    await work?.(broker);
  } finally {
    await broker.close();
  }
}
