import { join } from 'node:path';
import type { Broker } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { mongo } from 'nestjs-funq/mongo';
import { postgres } from 'nestjs-funq/postgres';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';

/** Where one run keeps what it stores. */
export interface Place {
  /** A folder of its own. */
  readonly folder: string;
  /** Address of the server; empty for a broker that has none. */
  readonly url: string;
  /** Random, of small letters and figures, for a server that others use, too. */
  readonly namespace: string;
}

/** Milliseconds that a locked SQLite file is waited for; shorter than the default, so that a run is not all waiting. */
export const BUSY_TIMEOUT = 2000;

/** The brokers under test, one line each: how a process gets one that is not connected yet. */
export const BROKERS: Readonly<Record<string, (place: Place) => Broker>> = {
  sqlite: ({ folder }) => sqlite({ file: join(folder, 'funq.db'), busyTimeout: BUSY_TIMEOUT }),
  redis: ({ url, namespace }) => redis({ url, namespace }),
  // What was fetched ahead over a dead connection comes back when the server notices: by default later than a run wants to wait.
  rabbitmq: ({ url, namespace }) => rabbitmq({ url, prefix: `${namespace}.`, heartbeat: 4 }),
  postgres: ({ url, namespace }) => postgres({ url, schema: namespace }),
  mongo: ({ url, namespace }) => mongo({ url, collection: namespace }),
  kafka: ({ url, namespace }) => kafka({ brokers: url, prefix: `${namespace}.` }),
};
