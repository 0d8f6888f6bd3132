import { bytesArray } from '../../brokers/postgres/arrays.js';
import type { PostgresDatabase, Row, Statement } from '../../brokers/postgres/database.js';
import { quoted } from '../../brokers/postgres/options.js';
import type { ResultQuery, TaskResult } from '../../contracts/stores.js';
import { pageOf } from '../support/paging.js';

/** Times are milliseconds since 1970, as they were written. */
export const RESULTS_TABLES = `
CREATE TABLE $schema.funq_results (
  id text PRIMARY KEY,
  queue text NOT NULL,
  status text NOT NULL,
  finished float8 NOT NULL,
  expires float8,
  record text NOT NULL,
  args bytea,
  value bytea
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX funq_results_finished ON $schema.funq_results (finished, id);
CREATE INDEX funq_results_queue ON $schema.funq_results (queue, finished, id);
CREATE INDEX funq_results_status ON $schema.funq_results (status, finished, id);
CREATE INDEX funq_results_expires ON $schema.funq_results (expires) WHERE expires IS NOT NULL;`;

/** Expired records removed by the way, for each one saved: more than comes in, so none pile up. */
const SWEEP = 4;
/** Records in one statement, and bytes of arguments and results. */
const STEP = 500;
const STEP_BYTES = 16 * 2 ** 20;

const NOW = 'extract(epoch FROM clock_timestamp()) * 1000';
const LIVE = `(expires IS NULL OR expires > ${NOW})`;
const COLUMNS = 'record, args, value';

/** The table of outcomes. */
export class PostgresResults {
  readonly #table: string;
  readonly #save: Statement;
  readonly #sweep: Statement;
  readonly #find: Statement;

  constructor(private readonly database: PostgresDatabase) {
    const table = (this.#table = `${quoted(database.target.schema)}.funq_results`);
    // Processes write in batches of their own, so an older outcome may come last; by id, so that no two wait for each other.
    this.#save = database.statement(`INSERT INTO ${table} AS old (id, queue, status, finished, expires, ${COLUMNS})
      SELECT i, q, s, f, e, r, CASE WHEN a THEN ab END, CASE WHEN v THEN vb END
      FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::text[], $7::boolean[], $8::bytea[], $9::boolean[], $10::bytea[])
        AS new (i, q, s, f, e, r, a, ab, v, vb) ORDER BY i COLLATE "C"
      ON CONFLICT (id) DO UPDATE SET queue = excluded.queue, status = excluded.status, finished = excluded.finished,
        expires = excluded.expires, record = excluded.record, args = excluded.args, value = excluded.value
      WHERE excluded.finished >= old.finished`);
    // The time is read once: an index can't be searched by what may change from row to row.
    this.#sweep = database.statement(`DELETE FROM ${table} WHERE ctid = ANY (ARRAY (
      SELECT ctid FROM ${table} WHERE expires <= (SELECT ${NOW}) ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED))`);
    this.#find = database.statement(`SELECT ${COLUMNS} FROM ${table} WHERE id = $1 AND ${LIVE}`);
  }

  async save(results: readonly TaskResult[]): Promise<{ index: number; error: Error }[]> {
    const refused: { index: number; error: Error }[] = [];
    const latest = new Map<string, TaskResult>();
    for (const [index, result] of results.entries()) {
      if (!isStorable(result.id) || !isStorable(result.queue))
        refused.push({ index, error: new Error('an id or queue with a NUL, or half a character, can not be stored') });
      else if (!((latest.get(result.id)?.finishedAt ?? -Infinity) > result.finishedAt)) latest.set(result.id, result);
    }
    for (const part of partsOf([...latest.values()])) await this.database.run(this.#save, columnsOf(part));
    if (latest.size > 0) await this.database.run(this.#sweep, [latest.size * SWEEP]);
    return refused;
  }

  async find(id: string): Promise<TaskResult | undefined> {
    if (!isStorable(id)) return undefined;
    const [row] = await this.database.run(this.#find, [id]);
    return row && resultIn(row);
  }

  async query(query: ResultQuery): Promise<TaskResult[]> {
    const { queue, status, from, until } = query;
    const { limit, skip } = pageOf(query);
    const where = [LIVE];
    const values: unknown[] = [];
    const demand = (condition: string, value: unknown): void => {
      if (value !== undefined) where.push(`${condition} $${values.push(value)}`);
    };
    demand('queue =', queue);
    demand('status =', status);
    demand('finished >=', from);
    demand('finished <', until);
    const paging = `LIMIT $${values.push(limit)} OFFSET $${values.push(skip)}`;
    // Planned for these values: each combination of filters has an index of its own.
    const text = `SELECT ${COLUMNS} FROM ${this.#table} WHERE ${where.join(' AND ')} ORDER BY finished DESC, id DESC ${paging}`;
    return (await this.database.run({ text }, values)).map(resultIn);
  }
}

/** The server's text has neither; any half of a character would become the same sign. */
const isStorable = (text: string): boolean => !/\0|\p{Surrogate}/u.test(text);

/** Parts that go in one statement each. */
function partsOf(results: readonly TaskResult[]): TaskResult[][] {
  const parts: TaskResult[][] = [];
  let bytes = Infinity;
  for (const result of results) {
    const size = (result.args?.length ?? 0) + (result.value?.length ?? 0);
    if (bytes + size > STEP_BYTES || parts.at(-1)!.length === STEP) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(result);
    bytes += size;
  }
  return parts;
}

function columnsOf(results: readonly TaskResult[]): unknown[] {
  const nothing = new Uint8Array(0);
  const records = results.map(({ args: _args, value: _value, ...record }) => JSON.stringify(record));
  return [
    results.map(({ id }) => id),
    results.map(({ queue }) => queue),
    results.map(({ status }) => status),
    results.map(({ finishedAt }) => finishedAt),
    results.map(({ expiresAt }) => expiresAt ?? null),
    records,
    results.map(({ args }) => args !== undefined),
    bytesArray(results.map(({ args }) => args ?? nothing)),
    results.map(({ value }) => value !== undefined),
    bytesArray(results.map(({ value }) => value ?? nothing)),
  ];
}

function resultIn([record, args, value]: Row): TaskResult {
  return {
    ...(JSON.parse(record as string) as TaskResult),
    ...(args !== null && { args: args as Uint8Array }),
    ...(value !== null && { value: value as Uint8Array }),
  };
}
