import { createHash } from 'node:crypto';
import type { PostgresDatabase, Statement } from '../../brokers/postgres/database.js';
import { quoted } from '../../brokers/postgres/options.js';
import type { FilterClaim } from '../../contracts/stores.js';

/** Rows that ran out and are removed by the way after each claim, which adds one at most. */
const SWEEP = 8;
/** Where time ends, in milliseconds: further than anyone waits, and within what the server can add. */
const FOREVER = 1000 * 366 * 86_400_000;

/** A key may be longer than an index entry, so its digest stands for it. */
export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** The server's own text has no NUL. */
const bytesOf = (text: string): Buffer => Buffer.from(text);

export const FILTER_TABLES = `
CREATE TABLE $schema.funq_filter (
  key bytea PRIMARY KEY,
  owner bytea NOT NULL,
  done boolean NOT NULL,
  until timestamptz NOT NULL,
  value bytea
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX funq_filter_until ON $schema.funq_filter (until);

CREATE FUNCTION $schema.funq_filter_claim(_key bytea, _owner bytea, _lease float8,
  OUT _state text, OUT _own boolean, OUT _value bytea) LANGUAGE plpgsql SET enable_seqscan = off AS $funq$
DECLARE
  _now timestamptz;
BEGIN
  LOOP
    INSERT INTO $schema.funq_filter AS held (key, owner, done, until)
      VALUES (_key, _owner, false, clock_timestamp() + _lease * interval '1 millisecond')
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, done = false, value = NULL, until = excluded.until
      WHERE held.until <= clock_timestamp() OR (NOT held.done AND held.owner = excluded.owner)
      RETURNING 'claimed' INTO _state;
    EXIT WHEN FOUND;
    SELECT CASE WHEN done THEN 'done' ELSE 'running' END, owner = _owner, value INTO _state, _own, _value
      FROM $schema.funq_filter WHERE key = _key;
    -- It was released in this moment otherwise.
    EXIT WHEN FOUND;
  END LOOP;
  -- Last, for nothing is waited for from here on: two claims that had removed each other's key first would wait in a circle.
  _now := clock_timestamp();
  DELETE FROM $schema.funq_filter WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_filter WHERE until <= _now ORDER BY until LIMIT ${SWEEP} FOR UPDATE SKIP LOCKED));
END $funq$;`;

/** The table of claimed and executed keys, by the server's time. */
export class PostgresFilter {
  readonly #claim: Statement;
  readonly #confirm: Statement;
  readonly #release: Statement;

  constructor(private readonly database: PostgresDatabase) {
    const schema = quoted(database.target.schema);
    this.#claim = database.statement(`SELECT * FROM ${schema}.funq_filter_claim($1, $2, $3)`);
    this.#confirm = database.statement(`INSERT INTO ${schema}.funq_filter AS held (key, owner, done, until, value)
      VALUES ($1, $2, true, clock_timestamp() + $3::float8 * interval '1 millisecond', $4)
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, done = true, until = excluded.until, value = excluded.value
      WHERE held.owner = excluded.owner OR held.until <= clock_timestamp() RETURNING 1`);
    this.#release = database.statement(`DELETE FROM ${schema}.funq_filter WHERE key = $1 AND owner = $2 AND NOT done`);
  }

  async claim(key: string, owner: string, lease: number): Promise<FilterClaim> {
    const [row] = await this.database.run(this.#claim, [digestOf(key), bytesOf(owner), Math.min(lease, FOREVER)]);
    const [state, own, value] = row as [FilterClaim['state'], boolean, Uint8Array | null];
    return state === 'done' ? { state, own, ...(value !== null && { value }) } : { state };
  }

  async confirm(key: string, owner: string, ttl = FOREVER, value?: Uint8Array): Promise<boolean> {
    const values = [digestOf(key), bytesOf(owner), Math.min(ttl, FOREVER), value ?? null];
    return (await this.database.run(this.#confirm, values)).length > 0;
  }

  async release(key: string, owner: string): Promise<void> {
    await this.database.run(this.#release, [digestOf(key), bytesOf(owner)]);
  }
}
