import type { Delivery, Outgoing, PublishFailure } from '../../contracts/broker.js';
import type { Attempt } from '../support/polling.js';
import type { SqliteDatabase } from './database.js';
import type { SqliteStatement, SqliteValue } from './driver.js';
import { isRefusal } from './error.js';

/**
 * Owner of what nobody holds. A number as wide as the ids of consumers, so that handing out never changes a row's length: SQLite
 * then writes only the page that changed, however large the body.
 */
export const NOBODY = 2 ** 47 - 1;

const FREE = `owner = ${NOBODY}`;
const OWNED = `owner <> ${NOBODY}`;

export const TASKS_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_tasks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due INTEGER,
  expires INTEGER,
  owner INTEGER NOT NULL DEFAULT ${NOBODY},
  deliveries INTEGER NOT NULL DEFAULT 0,
  body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS funq_tasks_ready ON funq_tasks (queue, priority DESC) WHERE ${FREE} AND due IS NULL;
CREATE INDEX IF NOT EXISTS funq_tasks_delayed ON funq_tasks (queue, due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS funq_tasks_expiring ON funq_tasks (expires, queue) WHERE expires IS NOT NULL AND ${FREE};
CREATE INDEX IF NOT EXISTS funq_tasks_owned ON funq_tasks (owner) WHERE ${OWNED}`;

export interface Receipt {
  readonly seq: number;
  readonly owner: number;
  /** A receipt is good once: what was released may come to its consumer again, and is another's affair then. */
  spent?: boolean;
}

/** Rows of one INSERT: binding many at once halves the cost of each. */
const ROWS = 16;
const COLUMNS = 5;
/** The most that comes due or expires in one transaction. */
const STEP = 1000;
/** The most that one claim takes: large bodies in large numbers would hold up everybody else. */
const MOST = 256;

const READY = `queue = ? AND ${FREE} AND due IS NULL`;
// The plus keeps SQLite from walking all that the owner holds.
const HELD = 'seq IN (SELECT value FROM json_each(?)) AND +owner = ?';

/**
 * The table of messages; every verb is synchronous and belongs inside `database.write` or `database.read`.
 *
 * A row is *delayed* (`due` is set), *ready*, or *owned* by a consumer. Each state has a partial index, so a message costs
 * one entry at a time, and the million that wait are never walked.
 */
export class SqliteTasks {
  readonly #insert: SqliteStatement;
  readonly #insertMany: SqliteStatement;
  readonly #look: SqliteStatement;
  readonly #expire: SqliteStatement;
  readonly #mature: SqliteStatement;
  readonly #next: SqliteStatement;
  readonly #take: SqliteStatement;
  readonly #held: SqliteStatement;
  readonly #ack: SqliteStatement;
  readonly #ackHeld: SqliteStatement;
  readonly #release: SqliteStatement;
  readonly #abandon: SqliteStatement;
  readonly #count: SqliteStatement;
  readonly #purge: SqliteStatement;
  readonly #purgeDelayed: SqliteStatement;

  constructor(database: SqliteDatabase) {
    const prepare = (sql: string): SqliteStatement => database.prepare(sql);
    const some = (where: string): string => `seq IN (SELECT seq FROM funq_tasks WHERE ${where} LIMIT ?)`;
    const insert = (rows: number): SqliteStatement =>
      prepare(
        `INSERT INTO funq_tasks (queue, priority, due, expires, body) VALUES ${Array(rows).fill('(?, ?, ?, ?, ?)').join()}`,
      );

    this.#insert = insert(1);
    this.#insertMany = insert(ROWS);
    this.#look = prepare(`SELECT EXISTS (SELECT 1 FROM funq_tasks WHERE ${READY}) AS ready,
      (SELECT min(due) FROM funq_tasks WHERE queue = ? AND due IS NOT NULL) AS due`);
    this.#expire = prepare(`DELETE FROM funq_tasks WHERE ${some(`expires <= ? AND ${FREE}`)}`);
    this.#mature = prepare(`UPDATE funq_tasks SET due = NULL WHERE ${some('queue = ? AND due <= ?')}`);
    this.#next = prepare(
      `SELECT seq, deliveries, body FROM funq_tasks WHERE ${READY} ORDER BY priority DESC, seq LIMIT ?`,
    );
    this.#take = prepare(`UPDATE funq_tasks SET owner = ?, deliveries = deliveries + 1
      WHERE seq IN (SELECT value FROM json_each(?))`);
    this.#held = prepare(`SELECT count(*) AS n FROM funq_tasks WHERE ${HELD}`);
    this.#ack = prepare(`DELETE FROM funq_tasks WHERE ${HELD}`);
    this.#ackHeld = prepare(`DELETE FROM funq_tasks WHERE ${HELD} RETURNING seq`);
    this.#release = prepare(`UPDATE funq_tasks SET ${FREE}, deliveries = deliveries - 1 WHERE ${HELD} RETURNING seq`);
    this.#abandon = prepare(`UPDATE funq_tasks SET ${FREE} WHERE owner = ? AND ${OWNED}`);
    this.#count = prepare(`SELECT (SELECT count(*) FROM funq_tasks WHERE ${READY})
      + (SELECT count(*) FROM funq_tasks WHERE queue = ? AND due <= ?)
      - (SELECT count(*) FROM funq_tasks WHERE expires <= ? AND ${FREE} AND queue = ? AND (due IS NULL OR due <= ?)) AS n`);
    this.#purge = prepare(`DELETE FROM funq_tasks WHERE ${some(READY)}`);
    this.#purgeDelayed = prepare(`DELETE FROM funq_tasks WHERE ${some('queue = ? AND due IS NOT NULL')}`);
  }

  /** Stores messages; the answer is those that were refused for what they are, as the others are stored all the same. */
  add(queue: string, messages: readonly Outgoing[], now: number): PublishFailure[] {
    const values: SqliteValue[] = [];
    for (const { priority = 0, delay = 0, ttl, body } of messages)
      values.push(queue, priority, delay > 0 ? now + delay : null, ttl === undefined ? null : now + ttl, body);
    const failures: PublishFailure[] = [];
    const insert = (from: number, count: number): void => {
      try {
        const statement = count === ROWS ? this.#insertMany : this.#insert;
        statement.run(...values.slice(from * COLUMNS, (from + count) * COLUMNS));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (count === 1) failures.push({ index: from, error });
        else for (let index = from; index < from + count; index++) insert(index, 1);
      }
    };
    const many = messages.length - (messages.length % ROWS);
    for (let index = 0; index < many; index += ROWS) insert(index, ROWS);
    for (let index = many; index < messages.length; index++) insert(index, 1);
    return failures;
  }

  /** Whether something is ready, and when the next delayed message falls due. */
  look(queue: string): { readonly ready: boolean; readonly due: number } {
    const [found] = this.#look.all(queue, queue);
    return { ready: found?.ready === 1, due: (found?.due ?? Infinity) as number };
  }

  /** Hands up to `max` ready messages to `owner`, in order. */
  claim(queue: string, owner: number, max: number, now: number): Attempt<Delivery> {
    // Nothing is handed out before all that expired is gone; a flood of it goes in several transactions.
    if (this.#expire.run(now, STEP) === STEP) return { taken: [], next: 0 };
    this.#mature.run(queue, now, STEP);
    const rows = this.#next.all(queue, Math.min(max, MOST));
    if (rows.length === 0) return { taken: [] };
    this.#take.run(owner, JSON.stringify(rows.map((row) => row.seq)));
    const taken = rows.map(({ seq, deliveries, body }) => {
      const receipt: Receipt = { seq: seq as number, owner };
      return { body: body as Uint8Array, receipt, redelivered: deliveries as number };
    });
    return { taken };
  }

  /** The ones of `seqs` that `owner` still held; they are gone. */
  ack(owner: number, seqs: readonly number[]): readonly number[] {
    const list = JSON.stringify(seqs);
    // Nearly always it holds all of them, and rows that are answered cost more than to count and to delete them.
    if (this.#held.all(list, owner)[0]?.n !== seqs.length)
      return this.#ackHeld.all(list, owner).map((row) => row.seq as number);
    this.#ack.run(list, owner);
    return seqs;
  }

  /** The ones of `seqs` that `owner` still held; they wait again, as if they had not been handed out. */
  release(owner: number, seqs: readonly number[]): number[] {
    return this.#release.all(JSON.stringify(seqs), owner).map((row) => row.seq as number);
  }

  /** All that `owner` holds waits again, counted as handed out. */
  abandon(owner: number): void {
    this.#abandon.run(owner);
  }

  count(queue: string, now: number): number {
    return this.#count.all(queue, queue, now, now, queue, now)[0]?.n as number;
  }

  /** Removes some of what is not handed out; the answer is less than `limit` when that was the rest. */
  purge(queue: string, limit: number): number {
    const removed = this.#purge.run(queue, limit);
    return removed < limit ? removed + this.#purgeDelayed.run(queue, limit - removed) : removed;
  }
}
