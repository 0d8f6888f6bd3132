import type { SqliteDatabase } from '../../brokers/support/sqlite-database.js';
import type { SqliteStatement } from '../../brokers/support/sqlite-driver.js';
import type { FilterClaim } from '../../contracts/stores.js';

export const FILTER_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_filter (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  done INTEGER NOT NULL,
  until REAL,
  value BLOB
);
CREATE INDEX IF NOT EXISTS funq_filter_until ON funq_filter (until) WHERE until IS NOT NULL`;

/** Rows that ran out and are removed by the way at each claim, which adds one at most. */
const SWEEP = 8;

/** The table of claimed and executed keys; its verbs are synchronous and belong inside `database.write`. */
export class SqliteFilter {
  readonly #find: SqliteStatement;
  readonly #claim: SqliteStatement;
  readonly #confirm: SqliteStatement;
  readonly #release: SqliteStatement;
  readonly #expire: SqliteStatement;
  readonly #sweep: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#find = database.prepare('SELECT done, value, owner = ? AS mine FROM funq_filter WHERE key = ?');
    this.#claim = database.prepare(`INSERT INTO funq_filter (key, owner, done, until) VALUES (?, ?, 0, ?)
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = excluded.until`);
    this.#confirm = database.prepare(`INSERT INTO funq_filter (key, owner, done, until, value) VALUES (?, ?, 1, ?, ?)
      ON CONFLICT (key) DO UPDATE SET done = 1, until = excluded.until, value = excluded.value WHERE owner = excluded.owner`);
    this.#release = database.prepare('DELETE FROM funq_filter WHERE key = ? AND owner = ? AND NOT done');
    this.#expire = database.prepare('DELETE FROM funq_filter WHERE key = ? AND until <= ?');
    this.#sweep = database.prepare(
      'DELETE FROM funq_filter WHERE rowid IN (SELECT rowid FROM funq_filter WHERE until <= ? LIMIT ?)',
    );
  }

  claim(key: string, owner: string, lease: number, now: number): FilterClaim {
    this.#expire.run(key, now);
    this.#sweep.run(now, SWEEP);
    const [held] = this.#find.all(owner, key);
    if (held?.done) {
      return { state: 'done', own: held.mine === 1, ...(held.value !== null && { value: held.value as Uint8Array }) };
    }
    if (held && !held.mine) return { state: 'running' };
    this.#claim.run(key, owner, now + lease);
    return { state: 'claimed' };
  }

  confirm(key: string, owner: string, ttl: number | undefined, value: Uint8Array | undefined, now: number): boolean {
    this.#expire.run(key, now);
    return this.#confirm.run(key, owner, ttl === undefined ? null : now + ttl, value ?? null) > 0;
  }

  release(key: string, owner: string): void {
    this.#release.run(key, owner);
  }
}
