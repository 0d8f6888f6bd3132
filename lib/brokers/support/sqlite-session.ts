import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { openDatabase, type SqliteDatabase, type SqliteFileOptions } from './sqlite-database.js';
import { sqliteError } from './sqlite-error.js';

export interface Opened {
  readonly clock: Clock;
  readonly database: SqliteDatabase;
}

/** A database from `connect` to `close`, with the prepared statements `T` that work on it. */
export class SqliteSession<T> {
  #opening: Promise<Opened & T> | undefined;

  constructor(
    private readonly options: SqliteFileOptions,
    private readonly schema: string,
    private readonly prepare: (opened: Opened) => T,
  ) {}

  async connect({ clock }: ConnectContext): Promise<void> {
    this.#opening ??= this.#open(clock).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    await this.#opening;
  }

  /** Rejects before `connect` and after `close`. */
  async use(): Promise<Opened & T> {
    if (!this.#opening) throw sqliteError('FUNQ_SQLITE_CLOSED', `${this.options.file} is not connected`);
    return this.#opening;
  }

  /** Closes when `last`, which may still use the database, has resolved. */
  async close(last?: () => Promise<unknown>): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    if (!opening) return;
    const { database } = await opening;
    await last?.();
    database.close();
  }

  async #open(clock: Clock): Promise<Opened & T> {
    const database = await openDatabase(this.options, clock, this.schema);
    try {
      return { clock, database, ...(await database.read(() => this.prepare({ clock, database }))) };
    } catch (error) {
      database.close();
      throw error;
    }
  }
}
