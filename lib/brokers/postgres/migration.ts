import type { PoolClient } from 'pg';
import { unfit } from '../support/driver-error.js';
import { within, type PostgresDatabase } from './database.js';
import { quoted, SILENCE } from './options.js';

/** Tables and functions that belong together and have one version. */
export interface Part {
  readonly name: string;
  /** The SQL of each version on top of the one before; `$schema` stands for the quoted schema. Never changed, only added to. */
  readonly versions: readonly string[];
  /** The columns that the newest version needs, by table. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

/** PostgreSQL 12. */
const OLDEST_SERVER = 120_000;
/** Milliseconds that the making of tables may take, waiting for other processes included. */
const PATIENCE = 25_000;

/** Brings the tables of `part` up to its newest version, in one transaction, however many processes do so at once. */
export async function migrate(database: PostgresDatabase, part: Part): Promise<void> {
  await database.with(async (client) => {
    await checkServer(client, database);
    if ((await versionOf(client, database, part)) < part.versions.length) {
      // Whoever had to wait for another process must see what that one has made.
      await ask(client, 'BEGIN ISOLATION LEVEL READ COMMITTED');
      try {
        await upgrade(client, database, part);
        await ask(client, 'COMMIT');
      } catch (error) {
        await ask(client, 'ROLLBACK').catch(() => undefined);
        throw error;
      }
    }
    await checkColumns(client, database, part);
  });
}

async function upgrade(client: PoolClient, database: PostgresDatabase, part: Part): Promise<void> {
  const { schema } = database.target;
  const run = (text: string, values?: unknown[]): Promise<object[]> => ask(client, text, values, PATIENCE);
  await run(`SET LOCAL statement_timeout = ${PATIENCE}`);
  await run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`funq ${schema}`]);
  // Only where it is missing: whoever may not create schemas can still use one.
  const rows = await run('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length === 0) await run(`CREATE SCHEMA ${quoted(schema)}`);
  await run(
    `CREATE TABLE IF NOT EXISTS ${quoted(schema)}.funq_versions (part text PRIMARY KEY, version integer NOT NULL)`,
  );
  const version = await versionOf(client, database, part);
  if (version === 0) await refuseForeign(client, database, part);
  for (const sql of part.versions.slice(version)) await run(sql.replaceAll('$schema', () => quoted(schema)));
  await run(
    `INSERT INTO ${quoted(schema)}.funq_versions VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET version = excluded.version`,
    [part.name, part.versions.length],
  );
}

async function checkServer(client: PoolClient, { target }: PostgresDatabase): Promise<void> {
  const rows = await ask<{ number: number; version: string }>(
    client,
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
  );
  if (rows[0]!.number >= OLDEST_SERVER) return;
  const message = `postgres at ${target.address} is ${rows[0]!.version}, and 12 is the oldest that will do. Update the server.`;
  throw unfit('FUNQ_POSTGRES_VERSION', message);
}

/** 0 where nothing was made so far. */
async function versionOf(client: PoolClient, { target }: PostgresDatabase, part: Part): Promise<number> {
  const table = `${quoted(target.schema)}.funq_versions`;
  const [known] = await ask<{ it: unknown }>(client, 'SELECT to_regclass($1) AS it', [table]);
  if (known!.it === null) return 0;
  const rows = await ask<{ version: number }>(client, `SELECT version FROM ${table} WHERE part = $1`, [part.name]);
  const version = rows[0]?.version ?? 0;
  if (version <= part.versions.length) return version;
  const message = `schema ${target.schema} at ${target.address} has ${part.name} tables of version ${version}, this release knows ${part.versions.length}. Update nestjs-funq, or name another 'schema'.`;
  throw unfit('FUNQ_POSTGRES_NEWER', message);
}

async function refuseForeign(client: PoolClient, database: PostgresDatabase, part: Part): Promise<void> {
  const [table] = (await columnsOf(client, database, part)).keys();
  if (table === undefined) return;
  const { schema, address } = database.target;
  const message = `table ${schema}.${table} at ${address} was not made by funq. Name another 'schema', or rename the table.`;
  throw unfit('FUNQ_POSTGRES_FOREIGN', message);
}

async function checkColumns(client: PoolClient, database: PostgresDatabase, part: Part): Promise<void> {
  const found = await columnsOf(client, database, part);
  const { schema, address } = database.target;
  for (const [table, columns] of Object.entries(part.columns)) {
    const missing = columns.filter((column) => !found.get(table)?.has(column));
    if (missing.length === 0) continue;
    const what = found.has(table) ? `has no column ${missing.join(', ')}` : 'is missing';
    const message = `table ${schema}.${table} at ${address} ${what}, though funq made it. Restore it, or name another 'schema'.`;
    throw unfit('FUNQ_POSTGRES_TABLES', message);
  }
}

/** From the catalogue itself: the information schema shows nobody what he has no rights to. */
async function columnsOf(
  client: PoolClient,
  database: PostgresDatabase,
  part: Part,
): Promise<Map<string, Set<string>>> {
  const rows = await ask<{ table: string; column: string }>(
    client,
    `SELECT c.relname AS table, a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname = ANY ($2)
       AND a.attnum > 0 AND NOT a.attisdropped`,
    [database.target.schema, Object.keys(part.columns)],
  );
  const found = new Map<string, Set<string>>();
  for (const { table, column } of rows) found.set(table, (found.get(table) ?? new Set()).add(column));
  return found;
}

/** A pool that was handed in may have no deadlines of its own. */
async function ask<T extends object>(
  client: PoolClient,
  text: string,
  values?: unknown[],
  ms: number = SILENCE,
): Promise<T[]> {
  return (await client.query<T>(within(ms, text, values))).rows;
}
