import type { SqliteDatabase } from '../../brokers/sqlite/database.js';

interface Waiting {
  work(): unknown;
  resolve(result: never): void;
  reject(error: unknown): void;
}

/** Most small writes of one transaction, which the event loop and other processes wait for. */
const MOST = 256;

/** Small writes that are asked for in the same turn are one transaction: its begin and end cost more than what is in it. */
export class SqliteWrites {
  #waiting: Waiting[] = [];

  constructor(private readonly database: SqliteDatabase) {}

  /** As `database.write` does, with others: `work` may run again. */
  add<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0 || this.#waiting.length === MOST) this.#begin();
      this.#waiting.push({ work, resolve, reject });
    });
  }

  #begin(): void {
    const together: Waiting[] = (this.#waiting = []);
    queueMicrotask(() => {
      if (this.#waiting === together) this.#waiting = [];
      void this.#write(together);
    });
  }

  async #write(together: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.database.write(() => together.map(({ work }) => work()));
      for (const [index, { resolve }] of together.entries()) resolve(results[index] as never);
    } catch (error) {
      // What one of them could not do must not hinder the others.
      const alone = together.length > 1 && (error as { code?: unknown }).code === 'FUNQ_SQLITE_FAILED';
      for (const { work, resolve, reject } of together) {
        if (alone) this.database.write(work).then((result) => resolve(result as never), reject);
        else reject(error);
      }
    }
  }
}
