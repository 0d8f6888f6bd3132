import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../../contracts/clock.js';
import { adapt, openHandle, type SqliteConnection, type SqliteHandle, type SqliteStatement } from './driver.js';
import { explain, resultOf, sqliteError } from './error.js';
import { MEMORY, type SqliteFileOptions } from './options.js';
import { SqlitePlace } from './place.js';

/** 'funq' in the header of the file, where SQLite keeps whose it is. */
const APPLICATION = 0x66756e71;
/** Version of all tables together; raised by a change that older releases can't work with. */
const SCHEMA = 1;
/** Longest that one attempt blocks the event loop while another process writes, in milliseconds. */
const BLOCK = 20;
/** After such an attempt nobody blocks it for so long, however many wait. */
const CALM = 2 * BLOCK;
const LONGEST_PAUSE = 32;
/** Pieces of work after which the event loop gets a turn: SQLite answers at once, so a chain of awaits would never give it one. */
const STINT = 16;
/** A write-ahead log that grew beyond this many bytes in a burst is cut back. */
const LOG_LIMIT = 64 * 2 ** 20;

/** Opens the database of `options` and makes the tables of `schema` (`CREATE … IF NOT EXISTS`) in it. */
export async function openDatabase(options: SqliteFileOptions, clock: Clock, schema: string): Promise<SqliteDatabase> {
  const { file, durability = 'normal', busyTimeout = 5000 } = options;
  if (!file) throw sqliteError('FUNQ_SQLITE_OPEN', `'file' must name a database file, not ${JSON.stringify(file)}`);
  const connection = adapt(options.database ?? openFile(file));
  const database = new SqliteDatabase(connection, file, clock, busyTimeout, options.database !== undefined);
  try {
    await database.read(() => {
      database.transaction('BEGIN', () => checkOwner(connection, file));
      connection.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${LOG_LIMIT}`);
      connection.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
    });
    await database.write(() => {
      checkOwner(connection, file);
      connection.exec(`${schema}; PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SCHEMA}`);
    });
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** One connection. Work is synchronous; only waiting for other processes is not. */
export class SqliteDatabase {
  #open = true;
  #worked = 0;
  #moved = false;
  #calmUntil = -Infinity;
  #block: number | undefined;
  readonly #place: SqlitePlace | undefined;

  constructor(
    private readonly connection: SqliteConnection,
    readonly file: string,
    private readonly clock: Clock,
    private readonly busyTimeout: number,
    private readonly lent: boolean,
  ) {
    this.#place = lent || file === MEMORY ? undefined : new SqlitePlace(resolve(file), clock);
  }

  /** Whether a verb has told that the file which is open was deleted or replaced: it is of no use any more. */
  get moved(): boolean {
    return this.#moved;
  }

  prepare(sql: string): SqliteStatement {
    return this.connection.prepare(sql);
  }

  /** Runs `work` as one transaction that holds the write lock from the start. It may run again, so it must only touch the file. */
  write<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    return this.read(() => this.transaction('BEGIN IMMEDIATE', work), signal);
  }

  /** Runs `work` on one state of the file: others that write meanwhile are not seen halfway. Tries once. */
  transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.connection.exec(begin);
    try {
      const result = work();
      this.connection.exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Runs `work` as it is, again while other processes are in its way; an aborted `signal` ends the trying. */
  async read<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    if (this.#place?.lost) throw this.#tellMoved();
    if (++this.#worked % STINT === 0) await new Promise((resolve) => setImmediate(resolve));
    const deadline = this.clock.monotonic() + this.busyTimeout;
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      if (!this.#open) throw sqliteError('FUNQ_SQLITE_CLOSED', `${this.file} is closed`);
      try {
        this.#blockAtMost(this.clock.monotonic() < this.#calmUntil ? 0 : BLOCK);
        return work();
      } catch (error) {
        if (resultOf(error) !== 'BUSY') throw explain(error, this.file);
        if (this.#block) this.#calmUntil = this.clock.monotonic() + CALM;
        if (signal?.aborted || this.clock.monotonic() >= deadline) throw this.#tooBusy(error);
      }
      await this.clock.sleep(pause * (0.5 + Math.random()), signal);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (!this.lent) this.connection.close();
  }

  #blockAtMost(ms: number): void {
    if (ms === this.#block) return;
    this.connection.exec(`PRAGMA busy_timeout = ${ms}`);
    this.#block = ms;
  }

  #rollBack(): void {
    try {
      this.connection.exec('ROLLBACK');
    } catch {
      // SQLite has already rolled back by itself, as it does when the disk is full.
    }
  }

  #tellMoved(): Error {
    this.#moved = true;
    const message = `${this.file} was deleted or replaced while it was open. What was in it can't be reached; what stands there is opened next.`;
    return sqliteError('FUNQ_SQLITE_MOVED', message);
  }

  #tooBusy(cause: unknown): Error {
    const message = `${this.file} was locked by other processes for ${this.busyTimeout} ms. Find what holds it, or raise 'busyTimeout'.`;
    return sqliteError('FUNQ_SQLITE_BUSY', message, cause);
  }
}

function openFile(file: string): SqliteHandle {
  if (file === MEMORY) return openHandle(file);
  // Absolute, because libsql takes a name like `http:…` for a server.
  const path = resolve(file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openHandle(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'FUNQ_SQLITE_DRIVER') throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw sqliteError(
      'FUNQ_SQLITE_OPEN',
      `${path} can't be opened (${said}). Check the path and who may write there.`,
      error,
    );
  }
}

/** Refuses a file of another program, and one that a newer release wrote, before anything in it is changed. */
function checkOwner(connection: SqliteConnection, file: string): void {
  const pragma = (name: string): unknown => connection.prepare(`PRAGMA ${name}`).all()[0]?.[name];
  const owner = pragma('application_id');
  const version = Number(pragma('user_version'));
  const empty = connection.prepare('SELECT 1 FROM sqlite_master LIMIT 1').all().length === 0;
  if (owner !== APPLICATION && !(owner === 0 && version === 0 && empty)) {
    throw sqliteError('FUNQ_SQLITE_FOREIGN', `${file} belongs to another program. Give funq a file of its own.`);
  }
  if (version > SCHEMA) {
    const message = `${file} has tables of version ${version}, this release knows ${SCHEMA}. Update nestjs-funq, or name another file.`;
    throw sqliteError('FUNQ_SQLITE_NEWER', message);
  }
}
