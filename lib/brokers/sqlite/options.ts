import type { SqliteHandle } from './driver.js';
import { sqliteError } from './error.js';

export interface SqliteFileOptions {
  /**
   * Path of the database file, made with its folders when it is missing; `':memory:'` for one that ends with the process.
   * Broker and stores may share one file, and many processes of one machine may open it; it must not be on a network disk. Within a
   * second after it was deleted or replaced, verbs reject with `FUNQ_SQLITE_MOVED`, and then open what stands there now.
   */
  readonly file: string;
  /**
   * What a write that was confirmed survives. `'normal'`, the default: the end of any process, `kill -9` too; the last moments
   * before a power loss may be missing. `'full'`: a power loss as well, for a disk flush at every write.
   */
  readonly durability?: 'normal' | 'full';
  /**
   * Milliseconds to go on trying while other processes are writing. 5000 by default; after that `FUNQ_SQLITE_BUSY`, as when a
   * process was frozen in the middle of a write: all others have to wait until it goes on or is killed.
   */
  readonly busyTimeout?: number;
  /**
   * A database that is already open, in place of the driver that would be chosen; `close()` leaves it open. Only one copy of
   * SQLite may work on a file in one process, so give one of the same driver to all that share the file.
   */
  readonly database?: SqliteHandle;
}

export const MEMORY = ':memory:';

/** Throws when the options can't work, or would be taken for something else than they say. */
export function checkOptions({ durability, busyTimeout, database }: SqliteFileOptions): void {
  const refuse = (option: string, value: unknown, must: string): never => {
    const shown = typeof value === 'string' ? `'${value}'` : String(value);
    throw sqliteError('FUNQ_SQLITE_OPTIONS', `sqlite({ ${option} }) is ${shown}, but must be ${must}`);
  };
  if (durability !== undefined && durability !== 'normal' && durability !== 'full')
    refuse('durability', durability, "'normal' or 'full'");
  const isTime = typeof busyTimeout === 'number' && busyTimeout >= 0 && busyTimeout <= 3_600_000;
  if (busyTimeout !== undefined && !isTime) refuse('busyTimeout', busyTimeout, '0 to 3600000 milliseconds');
  const isOpen = typeof database?.prepare === 'function' && typeof database.exec === 'function';
  if (database !== undefined && !isOpen)
    refuse('database', database, 'a database of node:sqlite, libsql or better-sqlite3');
}
