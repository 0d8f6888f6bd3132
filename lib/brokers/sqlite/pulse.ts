import { resolve } from 'node:path';
import type { ConnectContext, PulseConnection, PulseSource } from '../../contracts/broker.js';
import { CONSUMERS_BEAT } from './consumers.js';
import { SqliteDatabase } from './database.js';
import { adapt, openHandle } from './driver.js';
import { MEMORY, type SqliteFileOptions } from './options.js';

/** Milliseconds that one beat goes on trying while others write. */
const BUSY_TIMEOUT = 2000;

interface PulseData {
  readonly file: string;
}

/**
 * How another thread reaches the file. Undefined where it can't: a database in memory has one connection, one that was handed
 * in may come from another copy of SQLite, and a bundle in CommonJS has no modules to load.
 */
export function pulseSource({ file, database }: SqliteFileOptions): PulseSource | undefined {
  if (!file || file === MEMORY || database || !import.meta.url) return undefined;
  const data: PulseData = { file: resolve(file) };
  return { module: new URL('./pulse.js', import.meta.url).href, data };
}

/** Opens the tables as they are, with the same driver and so the same copy of SQLite as the broker. */
export async function openPulse({ file }: PulseData, { clock }: ConnectContext): Promise<PulseConnection> {
  const connection = adapt(openHandle(file));
  const database = new SqliteDatabase(connection, file, clock, BUSY_TIMEOUT, false);
  try {
    // A beat need not survive a power loss, and cutting back the log is left to those who write much.
    connection.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
    const beat = await database.read(() => connection.prepare(CONSUMERS_BEAT));
    return {
      // One statement is one transaction, so a thread that is ended can't leave a lock behind.
      beat: async (ids) => void (await database.read(() => beat.run(JSON.stringify(ids)))),
      close: async () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
