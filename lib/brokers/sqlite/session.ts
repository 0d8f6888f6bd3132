import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { openDatabase, type SqliteDatabase } from './database.js';
import { sqliteError } from './error.js';
import { checkOptions, type SqliteFileOptions } from './options.js';

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
  ) {
    checkOptions(options);
  }

  async connect({ clock }: ConnectContext): Promise<void> {
    await (this.#opening ??= this.#begin(clock));
  }

  /** Rejects before `connect` and after `close`. Opens the file anew where another one stands in its place. */
  async use(): Promise<Opened & T> {
    for (;;) {
      const opening = this.#opening;
      if (!opening) throw sqliteError('FUNQ_SQLITE_CLOSED', `${this.options.file} is not connected`);
      const opened = await opening;
      if (!opened.database.moved) return opened;
      opened.database.close();
      if (this.#opening === opening) this.#opening = this.#begin(opened.clock, opening);
    }
  }

  /** Closes when `last`, which may still use the database, has resolved. */
  async close(last?: () => Promise<unknown>): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    if (!opening) return;
    const opened = await opening.catch(() => undefined);
    await last?.();
    opened?.database.close();
  }

  /** Where it fails, things are as they were `before`. */
  #begin(clock: Clock, before?: Promise<Opened & T>): Promise<Opened & T> {
    const opening = this.#open(clock).catch((error: unknown) => {
      if (this.#opening === opening) this.#opening = before;
      throw error;
    });
    return opening;
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
