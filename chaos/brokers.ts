import { basename, join } from 'node:path';
import type { Broker } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { sqlite } from 'nestjs-funq/sqlite';

/** Where one run keeps what it stores: a folder of its own, whose name is random and so does for a namespace elsewhere. */
export interface Place {
  readonly folder: string;
}

/** Milliseconds that a locked SQLite file is waited for; shorter than the default, so that a run is not all waiting. */
export const BUSY_TIMEOUT = 2000;

/** The brokers under test, one line each: how a process gets one that is not connected yet. */
export const BROKERS: Readonly<Record<string, (place: Place) => Broker>> = {
  sqlite: ({ folder }) => sqlite({ file: join(folder, 'funq.db'), busyTimeout: BUSY_TIMEOUT }),
  postgres: ({ folder }) => postgres({ url: process.env['DATABASE_URL'] ?? '', schema: basename(folder) }),
};
