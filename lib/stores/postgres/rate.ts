import type { PostgresDatabase, Statement } from '../../brokers/postgres/database.js';
import { quoted } from '../../brokers/postgres/options.js';
import type { Clock } from '../../contracts/clock.js';
import { digestOf } from './filter.js';

/** Milliseconds between two removals of keys that nobody uses any more. */
const SWEEP = 60_000;
const NOW = 'extract(epoch FROM clock_timestamp())::float8 * 1000';

/**
 * Milliseconds since 1970 on the server's clock, read when the key's row is ours. After that clock was set back, what is still
 * reserved keeps its length. A reservation that is lost in a crash lets one start too many through, so none is flushed.
 */
export const RATE_TABLES = `
CREATE TABLE $schema.funq_rates (
  key bytea PRIMARY KEY,
  next float8 NOT NULL,
  at float8 NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE FUNCTION $schema.funq_reserve(_key bytea, _interval float8, _burst float8, _permits float8) RETURNS float8
  LANGUAGE plpgsql SET enable_seqscan = off AS $funq$
DECLARE
  _now float8;
  _next float8;
  _at float8;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  LOOP
    IF _permits > 0 THEN
      INSERT INTO $schema.funq_rates (key, next, at) VALUES (_key, 0, 0) ON CONFLICT (key) DO NOTHING;
    END IF;
    SELECT next, at INTO _next, _at FROM $schema.funq_rates WHERE key = _key FOR UPDATE;
    -- It was removed in this moment otherwise, as nobody had used it for long.
    EXIT WHEN FOUND OR _permits = 0;
  END LOOP;
  _now := ${NOW};
  _next := greatest(_now, _next - greatest(0, _at - _now));
  UPDATE $schema.funq_rates SET next = _next + _interval * _permits, at = _now WHERE key = _key AND _permits > 0;
  RETURN _next - _now - (_burst - 1) * _interval;
END $funq$;`;

/** Each key's theoretical time of the next start. */
export class PostgresRate {
  #nextSweep: number;
  readonly #reserve: Statement;
  readonly #sweep: Statement;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly clock: Clock,
  ) {
    const schema = quoted(database.target.schema);
    this.#nextSweep = clock.monotonic() + SWEEP;
    this.#reserve = database.statement(`SELECT ${schema}.funq_reserve($1, $2, $3, $4)`);
    this.#sweep = database.statement(`DELETE FROM ${schema}.funq_rates WHERE key = ANY (ARRAY (
      SELECT key FROM ${schema}.funq_rates WHERE greatest(next, at + ${SWEEP}) <= ${NOW} FOR UPDATE SKIP LOCKED))`);
  }

  async reserve(key: string, interval: number, burst: number, permits: number): Promise<number> {
    if (this.clock.monotonic() >= this.#nextSweep) {
      this.#nextSweep = this.clock.monotonic() + SWEEP;
      await this.database.run(this.#sweep);
    }
    const [row] = await this.database.run(this.#reserve, [digestOf(key), interval, burst, permits]);
    return row![0] as number;
  }
}
