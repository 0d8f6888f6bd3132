import type { PostgresDatabase, Statement } from '../../brokers/postgres/database.js';
import { quoted } from '../../brokers/postgres/options.js';
import type { WorkerReport } from '../../contracts/stores.js';

export const PRESENCE_TABLES = `
CREATE TABLE $schema.funq_workers (
  id text PRIMARY KEY,
  report text NOT NULL,
  until timestamptz NOT NULL
);`;

/** The table of live processes, a handful of rows. */
export class PostgresPresence {
  readonly #save: Statement;
  readonly #withdraw: Statement;
  readonly #list: Statement;

  constructor(private readonly database: PostgresDatabase) {
    const schema = quoted(database.target.schema);
    this.#save = database.statement(`WITH gone AS (DELETE FROM ${schema}.funq_workers WHERE id = ANY (ARRAY (
        SELECT id FROM ${schema}.funq_workers WHERE until <= clock_timestamp() AND id <> $1 FOR UPDATE SKIP LOCKED)))
      INSERT INTO ${schema}.funq_workers (id, report, until)
      VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
      ON CONFLICT (id) DO UPDATE SET report = excluded.report, until = excluded.until`);
    this.#withdraw = database.statement(`DELETE FROM ${schema}.funq_workers WHERE id = $1`);
    this.#list = database.statement(
      `SELECT report FROM ${schema}.funq_workers WHERE until > clock_timestamp() ORDER BY id`,
    );
  }

  async report(worker: WorkerReport, ttl: number): Promise<void> {
    await this.database.run(this.#save, [worker.id, JSON.stringify(worker), ttl]);
  }

  async withdraw(id: string): Promise<void> {
    await this.database.run(this.#withdraw, [id]);
  }

  async list(): Promise<WorkerReport[]> {
    const rows = await this.database.run(this.#list);
    return rows.map(([report]) => JSON.parse(report as string) as WorkerReport);
  }
}
