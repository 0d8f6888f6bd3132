import type { SqliteDatabase } from '../../brokers/sqlite/database.js';
import type { SqliteStatement } from '../../brokers/sqlite/driver.js';
import type { WorkerReport } from '../../contracts/stores.js';

export const PRESENCE_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_workers (
  id TEXT PRIMARY KEY,
  report TEXT NOT NULL,
  until REAL NOT NULL
)`;

/** The table of live processes, a handful of rows. */
export class SqlitePresence {
  readonly #save: SqliteStatement;
  readonly #sweep: SqliteStatement;
  readonly #withdraw: SqliteStatement;
  readonly #list: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#save = database.prepare(`INSERT INTO funq_workers (id, report, until) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET report = excluded.report, until = excluded.until`);
    this.#sweep = database.prepare('DELETE FROM funq_workers WHERE until <= ?');
    this.#withdraw = database.prepare('DELETE FROM funq_workers WHERE id = ?');
    this.#list = database.prepare('SELECT report FROM funq_workers WHERE until > ? ORDER BY id');
  }

  report(worker: WorkerReport, ttl: number, now: number): void {
    this.#sweep.run(now);
    this.#save.run(worker.id, JSON.stringify(worker), now + ttl);
  }

  withdraw(id: string): void {
    this.#withdraw.run(id);
  }

  list(now: number): WorkerReport[] {
    return this.#list.all(now).map((row) => JSON.parse(row.report as string) as WorkerReport);
  }
}
