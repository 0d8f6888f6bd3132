import type { PostgresDatabase, Statement } from '../../brokers/postgres/database.js';
import { quoted } from '../../brokers/postgres/options.js';

/** Texts as their bytes: the server's own text has no NUL. */
export const SETTINGS_TABLES = `
CREATE TABLE $schema.funq_settings (
  key bytea PRIMARY KEY,
  value bytea NOT NULL
);`;

/** The table of settings, a handful of rows. */
export class PostgresSettings {
  readonly #save: Statement;
  readonly #remove: Statement;
  readonly #list: Statement;

  constructor(private readonly database: PostgresDatabase) {
    const schema = quoted(database.target.schema);
    this.#save = database.statement(`INSERT INTO ${schema}.funq_settings (key, value) VALUES ($1, $2)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`);
    this.#remove = database.statement(`DELETE FROM ${schema}.funq_settings WHERE key = $1`);
    this.#list = database.statement(
      `SELECT key, value FROM ${schema}.funq_settings WHERE substring(key FROM 1 FOR length($1::bytea)) = $1`,
    );
  }

  async set(key: string, value: string | undefined): Promise<void> {
    if (value === undefined) await this.database.run(this.#remove, [Buffer.from(key)]);
    else await this.database.run(this.#save, [Buffer.from(key), Buffer.from(value)]);
  }

  async list(prefix: string): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.run(this.#list, [Buffer.from(prefix)]);
    return new Map(rows.map(([key, value]) => [String(key), String(value)]));
  }
}
