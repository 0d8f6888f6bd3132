import type { SqliteDatabase } from '../../brokers/sqlite/database.js';
import type { SqliteStatement, SqliteValue } from '../../brokers/sqlite/driver.js';

export const SETTINGS_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_settings (
  key PRIMARY KEY,
  value NOT NULL
)`;

/** The table of settings, a handful of rows. */
export class SqliteSettings {
  readonly #save: SqliteStatement;
  readonly #remove: SqliteStatement;
  readonly #all: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#save = database.prepare(`INSERT INTO funq_settings (key, value) VALUES (?, ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`);
    this.#remove = database.prepare('DELETE FROM funq_settings WHERE key = ?');
    this.#all = database.prepare('SELECT key, value FROM funq_settings');
  }

  set(key: string, value: string | undefined): void {
    if (value === undefined) this.#remove.run(key);
    else this.#save.run(key, value);
  }

  list(prefix: string): ReadonlyMap<string, string> {
    const pairs = this.#all.all().map(({ key, value }) => [text(key!), text(value!)] as const);
    return new Map(pairs.filter(([key]) => key.startsWith(prefix)));
  }
}

/** A text with a NUL in it is kept as bytes. */
function text(value: SqliteValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}
