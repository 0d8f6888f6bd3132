import { basename, join } from 'node:path';
import type { Broker } from 'nestjs-funq';
import { redis } from 'nestjs-funq/redis';
import { kafka } from 'nestjs-funq/kafka';
import { sqlite } from 'nestjs-funq/sqlite';

/** Where one run keeps what it stores: a folder of its own, whose name is random and so does for a namespace elsewhere. */
export interface Place {
  readonly folder: string;
}

/** Milliseconds that a locked SQLite file is waited for; shorter than the default, so that a run is not all waiting. */
export const BUSY_TIMEOUT = 2000;

/** The brokers under test, one line each: how a process gets one that is not connected yet. */
export const BROKERS: Readonly<Record<string, (place: Place) => Broker>> = {
  redis: ({ folder }) => redis({ url: process.env['REDIS_URL'], namespace: basename(folder) }),
  sqlite: ({ folder }) => sqlite({ file: join(folder, 'funq.db'), busyTimeout: BUSY_TIMEOUT }),
  // Leases below 6 s need a server whose group.min.session.timeout.ms allows them.
  kafka: ({ folder }) => kafka({ brokers: process.env['KAFKA_BROKERS'] ?? '', prefix: `${basename(folder)}.` }),
};
