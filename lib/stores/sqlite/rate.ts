import type { SqliteDatabase } from '../../brokers/sqlite/database.js';
import type { SqliteStatement } from '../../brokers/sqlite/driver.js';

export const RATE_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_rates (
  key TEXT PRIMARY KEY,
  next REAL NOT NULL,
  at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS funq_rates_next ON funq_rates (next)`;

/** Idle keys removed by the way at each reservation, which adds one at most. */
const SWEEP = 8;

/** Each key's theoretical time of the next start, on the wall clock that the processes of one machine share. */
export class SqliteRate {
  readonly #find: SqliteStatement;
  readonly #save: SqliteStatement;
  readonly #sweep: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#find = database.prepare('SELECT next, at FROM funq_rates WHERE key = ?');
    this.#save = database.prepare(`INSERT INTO funq_rates (key, next, at) VALUES (?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET next = excluded.next, at = excluded.at`);
    this.#sweep = database.prepare(
      'DELETE FROM funq_rates WHERE rowid IN (SELECT rowid FROM funq_rates WHERE next <= ? LIMIT ?)',
    );
  }

  /** The time of the first of the starts. */
  reserve(key: string, interval: number, burst: number, permits: number, now: number): number {
    const [row] = this.#find.all(key);
    const next = Math.max(now, row ? expected(row.next as number, row.at as number, now) : now);
    this.#sweep.run(now, SWEEP);
    this.#save.run(key, next + interval * permits, now);
    return next - (burst - 1) * interval;
  }
}

/** After the clock was set back, what is still reserved keeps its length: nobody waits until the old time is reached again. */
const expected = (next: number, at: number, now: number): number => (now < at ? next - at + now : next);
