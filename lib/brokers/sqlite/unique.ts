import type { RememberedIds } from '../support/unique.js';
import type { SqliteDatabase } from './database.js';
import type { SqliteStatement } from './driver.js';

export const UNIQUE_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_unique (
  queue TEXT NOT NULL,
  id TEXT NOT NULL,
  until REAL NOT NULL,
  PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS funq_unique_until ON funq_unique (until)`;

/** Ids that ran out and are removed by the way for each that is remembered: more than comes in, so none pile up. */
const SWEEP = 4;

/** The table of ids whose repeats are dropped; used in the transaction that stores the messages. */
export class SqliteUnique {
  readonly #remember: SqliteStatement;
  readonly #forget: SqliteStatement;
  readonly #sweep: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#remember = database.prepare(`INSERT INTO funq_unique (queue, id, until) VALUES (?, ?, ?)
      ON CONFLICT (queue, id) DO UPDATE SET until = excluded.until WHERE until <= ?`);
    this.#forget = database.prepare('DELETE FROM funq_unique WHERE queue = ? AND id = ?');
    this.#sweep = database.prepare(`DELETE FROM funq_unique
      WHERE (queue, id) IN (SELECT queue, id FROM funq_unique WHERE until <= ? LIMIT ?)`);
  }

  idsOf(queue: string, now: number): RememberedIds {
    return {
      remember: (id, window) => {
        this.#sweep.run(now, SWEEP);
        return this.#remember.run(queue, id, now + window, now) > 0;
      },
      forget: (id) => void this.#forget.run(queue, id),
    };
  }
}
