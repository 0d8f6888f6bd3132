import type { SqliteDatabase } from '../../brokers/sqlite/database.js';
import type { SqliteStatement } from '../../brokers/sqlite/driver.js';
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

/** Rows that ran out and are removed by the way, for each claim: more than come in, so none pile up. */
const SWEEP = 8;

/** The table of claimed and executed keys; its verbs are synchronous and belong inside a transaction that writes. */
export class SqliteFilter {
  readonly #claim: SqliteStatement;
  readonly #find: SqliteStatement;
  readonly #confirm: SqliteStatement;
  readonly #release: SqliteStatement;
  readonly #sweep: SqliteStatement;
  #claims = 0;
  #tidied = 0;

  constructor(database: SqliteDatabase) {
    // Each in one statement where nobody else has the key: two to four of them would cost most of what a task does.
    this.#claim = database.prepare(`INSERT INTO funq_filter (key, owner, done, until) VALUES (?, ?, 0, ?)
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, done = 0, until = excluded.until, value = NULL
      WHERE until <= ? OR (owner = excluded.owner AND NOT done)`);
    this.#find = database.prepare('SELECT done, value, owner = ? AS mine FROM funq_filter WHERE key = ?');
    this.#confirm = database.prepare(`INSERT INTO funq_filter (key, owner, done, until, value) VALUES (?, ?, 1, ?, ?)
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, done = 1, until = excluded.until, value = excluded.value
      WHERE until <= ? OR owner = excluded.owner`);
    this.#release = database.prepare('DELETE FROM funq_filter WHERE key = ? AND owner = ? AND NOT done');
    this.#sweep = database.prepare(
      'DELETE FROM funq_filter WHERE rowid IN (SELECT rowid FROM funq_filter WHERE until <= ? LIMIT ?)',
    );
  }

  claim(key: string, owner: string, lease: number, now: number): FilterClaim {
    this.#tidy(now);
    if (this.#claim.run(key, owner, now + lease, now) > 0) return { state: 'claimed' };
    const [held] = this.#find.all(owner, key);
    if (!held?.done) return { state: 'running' };
    return { state: 'done', own: held.mine === 1, ...(held.value !== null && { value: held.value as Uint8Array }) };
  }

  confirm(key: string, owner: string, ttl: number | undefined, value: Uint8Array | undefined, now: number): boolean {
    return this.#confirm.run(key, owner, ttl === undefined ? null : now + ttl, value ?? null, now) > 0;
  }

  release(key: string, owner: string): void {
    this.#release.run(key, owner);
  }

  /** Once a millisecond at most: not for each of many claims that are written together. */
  #tidy(now: number): void {
    this.#claims++;
    if (now === this.#tidied) return;
    this.#sweep.run(now, this.#claims * SWEEP);
    this.#tidied = now;
    this.#claims = 0;
  }
}
