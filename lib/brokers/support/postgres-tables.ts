import type { Part } from './postgres-migration.js';

/** Owner of what nobody holds. */
export const NOBODY = 0;

/**
 * A row is *delayed* (`due` is set), *ready*, or *owned* by a consumer. Each state has a partial index, so the million that
 * wait are never walked. A consumer is one row for each subscription, whatever it holds.
 */
const TABLES = `
CREATE TABLE $schema.funq_tasks (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner bigint NOT NULL DEFAULT ${NOBODY},
  due timestamptz,
  expires timestamptz,
  deliveries integer NOT NULL DEFAULT 0,
  priority smallint NOT NULL,
  queue text NOT NULL,
  body bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.2, toast.autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX funq_tasks_ready ON $schema.funq_tasks (queue, priority DESC, seq) WHERE owner = ${NOBODY} AND due IS NULL;
CREATE INDEX funq_tasks_delayed ON $schema.funq_tasks (queue, due) WHERE due IS NOT NULL;
CREATE INDEX funq_tasks_expiring ON $schema.funq_tasks (queue, expires) WHERE expires IS NOT NULL AND owner = ${NOBODY};
CREATE INDEX funq_tasks_owned ON $schema.funq_tasks (owner) WHERE owner <> ${NOBODY};

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

/**
 * What is done often is a function: one round trip, and plans that hold whatever the statistics say. A plan that was made
 * while the table was empty would walk all of it a million rows later.
 */
const INDEXED = 'LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $funq$';

const PUBLISH = `
CREATE FUNCTION $schema.funq_publish(_queue text, _bodies bytea[], _priorities smallint[], _delays float8[], _ttls float8[],
  _ids text[], _windows float8[]) RETURNS SETOF integer ${INDEXED}
DECLARE
  _now timestamptz := clock_timestamp();
  _ms interval := '1 millisecond';
BEGIN
  IF cardinality(_windows) = 0 THEN
    INSERT INTO $schema.funq_tasks (queue, priority, due, expires, body)
      SELECT _queue, coalesce(p, 0), _now + d * _ms, _now + t * _ms, b
      FROM unnest(_bodies, _priorities, _delays, _ttls) AS m (b, p, d, t);
    RETURN;
  END IF;
  -- More than comes in, so none that ran out pile up.
  DELETE FROM $schema.funq_unique WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_unique WHERE until <= _now ORDER BY until LIMIT 4 * cardinality(_ids) FOR UPDATE SKIP LOCKED));
  RETURN QUERY
    WITH given AS (
      SELECT * FROM unnest(_bodies, _priorities, _delays, _ttls, _ids, _windows) WITH ORDINALITY AS m (b, p, d, t, id, w, n)),
    first AS (SELECT DISTINCT ON (id) id, w, n FROM given WHERE w IS NOT NULL ORDER BY id, n),
    remembered AS (
      INSERT INTO $schema.funq_unique AS u (queue, id, until) SELECT _queue, first.id, _now + first.w * _ms FROM first ORDER BY first.id
      ON CONFLICT (queue, id) DO UPDATE SET until = excluded.until WHERE u.until <= _now RETURNING u.id),
    new AS (SELECT n FROM first JOIN remembered USING (id)),
    stored AS (
      INSERT INTO $schema.funq_tasks (queue, priority, due, expires, body)
      SELECT _queue, coalesce(p, 0), _now + d * _ms, _now + t * _ms, b FROM given
      WHERE w IS NULL OR n IN (SELECT new.n FROM new) ORDER BY n)
    SELECT n::integer - 1 FROM given WHERE w IS NOT NULL AND n NOT IN (SELECT new.n FROM new);
END $funq$;`;

/**
 * Hands out in order; nothing to a consumer that is not there any more. A claim that is lost in a crash comes back, so it need not
 * be flushed. One row for all: a row for each would cost client and server more than the messages do.
 */
const CLAIM = `
CREATE FUNCTION $schema.funq_claim(_queue text, _owner bigint, _max integer,
  OUT _seqs text, OUT _redelivered text, OUT _lengths text, OUT _bodies text) ${INDEXED}
DECLARE
  _now timestamptz := clock_timestamp();
  _rows tid[];
BEGIN
  UPDATE $schema.funq_tasks SET due = NULL WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_tasks WHERE queue = _queue AND due <= _now ORDER BY due LIMIT 1000 FOR UPDATE SKIP LOCKED));
  DELETE FROM $schema.funq_tasks WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_tasks WHERE queue = _queue AND expires <= _now AND owner = ${NOBODY}
    ORDER BY expires LIMIT 1000 FOR UPDATE SKIP LOCKED));
  _rows := ARRAY (
    SELECT ctid FROM $schema.funq_tasks
    WHERE queue = _queue AND owner = ${NOBODY} AND due IS NULL AND (expires IS NULL OR expires > _now)
    ORDER BY priority DESC, seq LIMIT _max FOR UPDATE SKIP LOCKED);
  IF cardinality(_rows) = 0 THEN RETURN; END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE $schema.funq_consumers SET expires = _now + lease, idle = false WHERE id = _owner;
  IF NOT FOUND THEN RETURN; END IF;
  WITH taken AS (
    UPDATE $schema.funq_tasks SET owner = _owner, deliveries = deliveries + 1 WHERE ctid = ANY (_rows)
    RETURNING seq, deliveries - 1 AS redelivered, body, priority),
  ordered AS (SELECT * FROM taken ORDER BY priority DESC, seq)
  SELECT string_agg(seq::text, ','), string_agg(redelivered::text, ','), string_agg(length(body)::text, ','),
    encode(string_agg(body, ''), 'base64')
  INTO _seqs, _redelivered, _lengths, _bodies FROM ordered;
END $funq$;`;

/** Both answer with those that were no longer the owner's. Rows are locked in their order, so nobody waits in a circle. */
const SETTLE = `
CREATE FUNCTION $schema.funq_ack(_owner bigint, _seqs bigint[]) RETURNS SETOF bigint ${INDEXED}
DECLARE
  _done bigint[];
BEGIN
  WITH done AS (DELETE FROM $schema.funq_tasks WHERE seq = ANY (_seqs) AND owner = _owner RETURNING seq)
  SELECT array_agg(seq) INTO _done FROM done;
  IF cardinality(_done) = cardinality(_seqs) THEN RETURN; END IF;
  RETURN QUERY SELECT unnest(_seqs) EXCEPT SELECT unnest(_done);
END $funq$;

CREATE FUNCTION $schema.funq_release(_owner bigint, _seqs bigint[]) RETURNS SETOF bigint ${INDEXED}
DECLARE
  _done bigint[];
BEGIN
  WITH done AS (UPDATE $schema.funq_tasks SET owner = ${NOBODY}, deliveries = deliveries - 1
    WHERE seq = ANY (_seqs) AND owner = _owner RETURNING seq)
  SELECT array_agg(seq) INTO _done FROM done;
  IF cardinality(_done) = cardinality(_seqs) THEN RETURN; END IF;
  RETURN QUERY SELECT unnest(_seqs) EXCEPT SELECT unnest(_done);
END $funq$;`;

/** Ends a consumer; what it holds waits again. Tells whether there was any. */
const LEAVE = `
CREATE FUNCTION $schema.funq_leave(_owner bigint) RETURNS boolean ${INDEXED}
DECLARE
  _rows tid[];
BEGIN
  DELETE FROM $schema.funq_consumers WHERE id = _owner;
  _rows := ARRAY (SELECT ctid FROM $schema.funq_tasks WHERE owner = _owner AND owner <> ${NOBODY} ORDER BY seq FOR UPDATE);
  UPDATE $schema.funq_tasks SET owner = ${NOBODY} WHERE ctid = ANY (_rows);
  RETURN cardinality(_rows) > 0;
END $funq$;`;

/**
 * Ends the consumers whose lease ran out and answers with the queues to which messages returned. Nobody can show signs of life
 * to a server that is down, so all have a lease from its start.
 */
const SWEEP = `
CREATE FUNCTION $schema.funq_sweep() RETURNS SETOF text LANGUAGE plpgsql AS $funq$
DECLARE
  _dead record;
BEGIN
  FOR _dead IN
    SELECT id, queue FROM $schema.funq_consumers
    WHERE expires <= clock_timestamp() AND pg_postmaster_start_time() + lease <= clock_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED
  LOOP
    IF $schema.funq_leave(_dead.id) THEN RETURN NEXT _dead.queue; END IF;
  END LOOP;
END $funq$;`;

/** What the broker keeps in a database. */
export const BROKER: Part = {
  name: 'broker',
  versions: [[TABLES, PUBLISH, CLAIM, SETTLE, LEAVE, SWEEP].join('\n')],
  columns: {
    funq_tasks: ['seq', 'owner', 'due', 'expires', 'deliveries', 'priority', 'queue', 'body'],
    funq_consumers: ['id', 'queue', 'lease', 'expires', 'idle'],
    funq_unique: ['queue', 'id', 'until'],
  },
};
