import type { SqliteDatabase } from '../../brokers/sqlite/database.js';
import type { SqliteRow, SqliteStatement, SqliteValue } from '../../brokers/sqlite/driver.js';
import { isRefusal } from '../../brokers/sqlite/error.js';
import type { ResultQuery, TaskResult } from '../../contracts/stores.js';
import { pageOf } from '../support/paging.js';

export const RESULTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_results (
  id TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  status TEXT NOT NULL,
  finished REAL NOT NULL,
  expires REAL,
  record TEXT NOT NULL,
  args BLOB,
  value BLOB
);
CREATE INDEX IF NOT EXISTS funq_results_finished ON funq_results (finished);
CREATE INDEX IF NOT EXISTS funq_results_queue ON funq_results (queue, finished);
CREATE INDEX IF NOT EXISTS funq_results_status ON funq_results (status, finished);
CREATE INDEX IF NOT EXISTS funq_results_queue_status ON funq_results (queue, status, finished);
CREATE INDEX IF NOT EXISTS funq_results_expires ON funq_results (expires) WHERE expires IS NOT NULL`;

/** Expired records removed by the way, for each one saved: more than comes in, so none pile up. */
const SWEEP = 4;

const LIVE = '(expires IS NULL OR expires > ?)';
const COLUMNS = 'record, args, value';

/** The table of outcomes; its verbs are synchronous and belong inside `database.write` or `database.read`. */
export class SqliteResults {
  readonly #save: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #find: SqliteStatement;
  readonly #queries = new Map<string, SqliteStatement>();

  constructor(private readonly database: SqliteDatabase) {
    // Processes write in batches of their own, so an older outcome may come last.
    this.#save = database.prepare(`INSERT INTO funq_results (id, queue, status, finished, expires, ${COLUMNS})
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET queue = excluded.queue, status = excluded.status, finished = excluded.finished,
        expires = excluded.expires, record = excluded.record, args = excluded.args, value = excluded.value
      WHERE excluded.finished >= finished`);
    this.#sweep = database.prepare(
      'DELETE FROM funq_results WHERE rowid IN (SELECT rowid FROM funq_results WHERE expires <= ? LIMIT ?)',
    );
    this.#find = database.prepare(`SELECT ${COLUMNS} FROM funq_results WHERE id = ? AND ${LIVE}`);
  }

  save(results: readonly TaskResult[], now: number): { index: number; error: Error }[] {
    this.#sweep.run(now, results.length * SWEEP);
    return results.flatMap((result, index) => {
      const error = this.#saveOne(result);
      return error ? { index, error } : [];
    });
  }

  find(id: string, now: number): TaskResult | undefined {
    const [row] = this.#find.all(id, now);
    return row && resultIn(row);
  }

  query(query: ResultQuery, now: number): TaskResult[] {
    const { queue, status, from, until } = query;
    const { limit, skip } = pageOf(query);
    const where: string[] = [];
    const values: SqliteValue[] = [];
    const demand = (condition: string, value: SqliteValue | undefined): void => {
      if (value === undefined) return;
      where.push(condition);
      values.push(value);
    };
    demand('queue = ?', queue);
    demand('status = ?', status);
    demand('finished >= ?', from);
    demand('finished < ?', until);
    demand(LIVE, now);
    const statement = this.#prepared(where.join(' AND '));
    return statement.all(...values, limit, skip).map(resultIn);
  }

  /** One statement for each combination of filters. */
  #prepared(where: string): SqliteStatement {
    const sql = `SELECT ${COLUMNS} FROM funq_results WHERE ${where} ORDER BY finished DESC, rowid DESC LIMIT ? OFFSET ?`;
    const statement = this.#queries.get(sql) ?? this.database.prepare(sql);
    this.#queries.set(sql, statement);
    return statement;
  }

  /** Why the record itself can't be written; throws when the database can't. */
  #saveOne(result: TaskResult): Error | undefined {
    try {
      const { args, value, ...record } = result;
      const { id, queue, status, finishedAt, expiresAt = null } = record;
      this.#save.run(id, queue, status, finishedAt, expiresAt, JSON.stringify(record), args ?? null, value ?? null);
      return undefined;
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
  }
}

function resultIn({ record, args, value }: SqliteRow): TaskResult {
  return {
    ...(JSON.parse(record as string) as TaskResult),
    ...(args !== null && { args: args as Uint8Array }),
    ...(value !== null && { value: value as Uint8Array }),
  };
}
