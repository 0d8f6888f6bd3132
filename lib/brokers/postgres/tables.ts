/** Owner of what nobody holds. */
export const NOBODY = 0;

/**
 * A row is *delayed* (`due` is set), *ready*, or *owned* by a consumer. Each state has a partial index, so the million that
 * wait are never walked. A consumer is one row for each subscription, whatever it holds.
 */
export const TABLES = `
CREATE TABLE $schema.funq_tasks (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  owner bigint NOT NULL DEFAULT ${NOBODY},
  due timestamptz,
  expires timestamptz,
  deliveries integer NOT NULL DEFAULT 0,
  priority smallint NOT NULL,
  queue text NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (owner, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.2, toast.autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX funq_tasks_ready ON $schema.funq_tasks (queue, priority DESC, seq) WHERE owner = ${NOBODY} AND due IS NULL;
CREATE INDEX funq_tasks_delayed ON $schema.funq_tasks (queue, due) WHERE due IS NOT NULL;
CREATE INDEX funq_tasks_expiring ON $schema.funq_tasks (queue, expires) WHERE expires IS NOT NULL AND owner = ${NOBODY};

CREATE TABLE $schema.funq_consumers (
  id bigint PRIMARY KEY,
  queue text NOT NULL,
  lease interval NOT NULL,
  expires timestamptz NOT NULL,
  idle boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);

CREATE TABLE $schema.funq_unique (
  queue text NOT NULL,
  id text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (queue, id)
);
CREATE INDEX funq_unique_until ON $schema.funq_unique (until);`;
