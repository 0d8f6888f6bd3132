import { createHash } from 'node:crypto';
import pg from 'pg';
import { postgres } from 'nestjs-funq/postgres';
import { memoryCoordination } from 'nestjs-funq/stores/memory';

const PREFIX = 'funq_bench';

export function databaseUrl() {
  const url = process.env.DATABASE_URL;
  if (url) return url;
  throw new Error('set DATABASE_URL to a PostgreSQL database for benchmarks, or run npm run services');
}

/** `file` names the tables, which processes that have it share. The controls' store is in memory: what is measured is the broker. */
export function openPostgres({ file }) {
  const schema = `${PREFIX}_${createHash('sha256').update(file).digest('hex').slice(0, 12)}`;
  return { broker: postgres({ url: databaseUrl(), schema }), coordination: memoryCoordination() };
}

/** A connection, after all that earlier measurements left in the database was removed. */
export async function emptyDatabase() {
  const client = new pg.Client(databaseUrl());
  await client.connect();
  const { rows } = await client.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE '${PREFIX}%'`);
  for (const { nspname } of rows) await client.query(`DROP SCHEMA "${nspname}" CASCADE`);
  return client;
}

/** A table that holds nothing but what queues need. */
export async function openTable() {
  const client = await emptyDatabase();
  await client.query(`CREATE SCHEMA ${PREFIX}`);
  await client.query(`SET search_path = ${PREFIX}`);
  await client.query(
    'CREATE TABLE tasks (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text, owner bigint, body bytea)',
  );
  await client.query('CREATE INDEX ready ON tasks (queue, seq) WHERE owner IS NULL');
  return client;
}

/** Where a peer may make its own tables. */
export const peerSchema = (name) => `${PREFIX}_${name}`;

export const INSERT = {
  name: 'insert',
  text: 'INSERT INTO tasks (queue, body) SELECT $1, b FROM unnest($2::bytea[]) AS b',
};
export const CLAIM = {
  name: 'claim',
  text: `UPDATE tasks SET owner = 1 WHERE seq = ANY (ARRAY (
    SELECT seq FROM tasks WHERE queue = $1 AND owner IS NULL ORDER BY seq LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING seq, body`,
};
export const REMOVE = { name: 'remove', text: 'DELETE FROM tasks WHERE seq = ANY ($1::bigint[]) AND owner = 1' };
