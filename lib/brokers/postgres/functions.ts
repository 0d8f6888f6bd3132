import { NOBODY } from './tables.js';

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
 * be flushed. One row for all: a row for each would cost client and server more than the messages do. Where less is ready than was
 * asked for, it writes that the consumer wants to be woken. What came in between is found by the next look, which follows anyway
 * where something was taken; where nothing was, whoever was not so before has to look once more.
 */
const CLAIM = `
CREATE FUNCTION $schema.funq_claim(_queue text, _owner bigint, _max integer,
  OUT _seqs text, OUT _redelivered text, OUT _lengths text, OUT _bodies text,
  OUT _alive boolean, OUT _rested boolean, OUT _due float8) ${INDEXED}
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
  PERFORM set_config('synchronous_commit', 'off', true);
  IF cardinality(_rows) = 0 THEN
    UPDATE $schema.funq_consumers SET idle = true WHERE id = _owner AND NOT idle;
    _rested := FOUND;
    _alive := EXISTS (SELECT 1 FROM $schema.funq_consumers WHERE id = _owner);
    SELECT extract(epoch FROM min(due) - _now) * 1000 INTO _due FROM $schema.funq_tasks WHERE queue = _queue AND due IS NOT NULL;
    RETURN;
  END IF;
  UPDATE $schema.funq_consumers SET expires = _now + lease, idle = cardinality(_rows) < _max WHERE id = _owner;
  _alive := FOUND;
  IF NOT _alive THEN RETURN; END IF;
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

/** Removes some of what is not handed out; fewer than the limit when that was the rest. */
const PURGE = `
CREATE FUNCTION $schema.funq_purge(_queue text, _limit integer) RETURNS integer ${INDEXED}
DECLARE
  _removed integer;
  _delayed integer;
BEGIN
  DELETE FROM $schema.funq_tasks WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_tasks WHERE queue = _queue AND owner = ${NOBODY} AND due IS NULL
    ORDER BY priority DESC, seq LIMIT _limit FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS _removed = ROW_COUNT;
  DELETE FROM $schema.funq_tasks WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM $schema.funq_tasks WHERE queue = _queue AND due IS NOT NULL
    ORDER BY due LIMIT _limit - _removed FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS _delayed = ROW_COUNT;
  RETURN _removed + _delayed;
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

export const FUNCTIONS = [PUBLISH, CLAIM, SETTLE, LEAVE, PURGE, SWEEP].join('\n');
