import { basename, join } from 'node:path';
import type { Broker } from 'nestjs-funq';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
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
  // A heartbeat between the time that functions may block (three leases) and the time when others shall take over.
  rabbitmq: ({ folder }) => rabbitmq({ url: process.env['AMQP_URL'], prefix: `${basename(folder)}.`, heartbeat: 4 }),
};
