import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import { PostgresDatabase } from './database.js';
import { migrate, type Part } from './migration.js';
import { targetOf, type PostgresOptions } from './options.js';

export interface Connected {
  readonly clock: Clock;
  readonly database: PostgresDatabase;
}

/** A database from `connect` to `close`, with the verbs `T` that work on it. What is not open is opened by whoever needs it. */
export class PostgresSession<T> {
  readonly #address: string;
  #clock: Clock | undefined;
  #opening: Promise<Connected & T> | undefined;

  constructor(
    private readonly options: PostgresOptions,
    private readonly parts: readonly Part[],
    private readonly prepare: (connected: Connected) => T,
  ) {
    // Options that can't work are refused at once.
    this.#address = targetOf(options).address;
  }

  async connect({ clock }: ConnectContext): Promise<void> {
    this.#clock = clock;
    await this.use();
  }

  /** Rejects before `connect` and after `close`. */
  async use(): Promise<Connected & T> {
    const clock = this.#clock;
    if (!clock) throw driverError('FUNQ_POSTGRES_CLOSED', `postgres at ${this.#address} is not connected`);
    const opening = (this.#opening ??= this.#open(clock));
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  /** Closes when `last`, which may still use the database, has settled. */
  async close(last?: (opened: Connected & T) => Promise<unknown>): Promise<void> {
    const opening = this.#opening;
    this.#clock = this.#opening = undefined;
    const opened = await opening?.catch(() => undefined);
    if (!opened) return;
    await last?.(opened);
    await opened.database.close();
  }

  async #open(clock: Clock): Promise<Connected & T> {
    const database = new PostgresDatabase(this.options, clock);
    try {
      for (const part of this.parts) await migrate(database, part);
      return { clock, database, ...this.prepare({ clock, database }) };
    } catch (error) {
      await database.close().catch(() => undefined);
      throw error;
    }
  }
}
