import { randomInt } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import { hasEnded, thisProcess, type ProcessMark } from '../support/local-process.js';
import { SECOND_LOOK, Sightings } from '../support/sightings.js';
import type { SqliteDatabase } from './database.js';
import type { SqliteRow, SqliteStatement } from './driver.js';
import { NOBODY, type SqliteTasks } from './tasks.js';

export const CONSUMERS_SCHEMA = `
CREATE TABLE IF NOT EXISTS funq_consumers (
  id INTEGER PRIMARY KEY,
  beats INTEGER NOT NULL DEFAULT 0,
  lease REAL NOT NULL,
  place TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started TEXT NOT NULL
)`;

/** A sign of life of all consumers in a list of ids. */
export const CONSUMERS_BEAT =
  'UPDATE funq_consumers SET beats = beats + 1 WHERE id IN (SELECT value FROM json_each(?))';

/** Most that passes between two looks at the others, in milliseconds: how soon the messages of a process that died are taken up. */
const LOOK = 1000;

/**
 * Who holds messages, and who of them is still there: one row for each subscription, whatever it holds.
 *
 * A consumer is dead when its process has ended, or when its count of beats stood still for its lease on the watcher's own
 * monotonic clock: nobody's wall clock is believed, so setting it, or waking a machine from sleep, costs no one his messages.
 */
export class SqliteConsumers {
  readonly #seen = new Sightings<number>();
  readonly #here: ProcessMark = thisProcess();
  #nextLook = -Infinity;
  readonly #all: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #beat: SqliteStatement;
  readonly #delete: SqliteStatement;

  constructor(
    private readonly database: SqliteDatabase,
    private readonly tasks: SqliteTasks,
    private readonly clock: Clock,
  ) {
    this.#all = database.prepare('SELECT * FROM funq_consumers');
    this.#insert = database.prepare(
      'INSERT INTO funq_consumers (id, lease, place, pid, started) VALUES (?, ?, ?, ?, ?)',
    );
    this.#beat = database.prepare('UPDATE funq_consumers SET beats = beats + 1 WHERE id = ? RETURNING beats');
    this.#delete = database.prepare('DELETE FROM funq_consumers WHERE id = ?');
  }

  /** A new consumer. Its id is random, so a receipt of an earlier one never fits. */
  register(lease: number): number {
    const id = randomInt(2 ** 40, NOBODY);
    this.#insert.run(id, lease, this.#here.place, this.#here.pid, this.#here.started);
    this.#note(id, 0);
    return id;
  }

  /** A sign of life. False when the consumer was given up for dead meanwhile: what it held is gone. */
  beat(id: number): boolean {
    const [row] = this.#beat.all(id);
    if (row) this.#note(id, row.beats as number);
    return row !== undefined;
  }

  /** A sign of life that was due comes only now, see {@link Sightings.excuse}. */
  excuse(due: number): void {
    this.#seen.excuse(due, this.clock.monotonic());
  }

  /** Ends a consumer; what it holds waits again. */
  leave(id: number): void {
    this.#delete.run(id);
    this.tasks.abandon(id);
  }

  /**
   * Ends the consumers that are dead, at most every third of `lease`; true when there were any. `stayAlive` is a sign of life of who
   * asks: only once it is written is it known how long nobody could.
   */
  async sweep(lease: number, stayAlive: () => void, signal: AbortSignal): Promise<boolean> {
    const now = this.clock.monotonic();
    if (now < this.#nextLook) return false;
    this.#nextLook = now + Math.min(LOOK, lease / 3);
    const dead = await this.database.read(() => this.#dead(), signal);
    if (dead.length === 0) return false;
    return this.database.write(() => {
      stayAlive();
      const ended = this.#dead();
      for (const id of ended) this.leave(id);
      return ended.length > 0;
    }, signal);
  }

  #dead(): number[] {
    const now = this.clock.monotonic();
    const rows = this.#all.all();
    this.#seen.keep(new Set(rows.map((row) => row.id as number)));
    return rows
      .filter((row) => hasEnded(row as unknown as ProcessMark, this.#here) || this.#isSilent(row, now))
      .map((row) => row.id as number);
  }

  #isSilent({ id, beats, lease }: SqliteRow, now: number): boolean {
    const seen = this.#seen.look(id as number, beats, lease as number, now);
    if (seen === 'suspected') this.#nextLook = Math.min(this.#nextLook, now + SECOND_LOOK);
    return seen === 'silent';
  }

  #note(id: number, beats: number): void {
    this.#seen.note(id, beats, this.clock.monotonic());
  }
}
