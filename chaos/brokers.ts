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

/** A broker under test. */
export interface TestedBroker {
  /** How a process gets one that is not connected yet. */
  open(place: Place): Broker;
  /** Why its server can't be killed, where one that was may never be whole again. */
  readonly unkillable?: string;
}

/** The brokers under test, one line each. */
export const BROKERS: Readonly<Record<string, TestedBroker>> = {
  sqlite: { open: ({ folder }) => sqlite({ file: join(folder, 'funq.db'), busyTimeout: BUSY_TIMEOUT }) },
  redis: { open: ({ url, namespace }) => redis({ url, namespace }) },
  rabbitmq: {
    // What was fetched ahead over a dead connection comes back when the server notices: by default later than a run wants to wait.
    open: ({ url, namespace }) => rabbitmq({ url, prefix: `${namespace}.`, heartbeat: 4 }),
    unkillable:
      'killed, a RabbitMQ 3.10 of one node may leave a quorum queue without a leader for ever; restart and half-open are run',
  },
  postgres: { open: ({ url, namespace }) => postgres({ url, schema: namespace }) },
  mongo: { open: ({ url, namespace }) => mongo({ url, collection: namespace }) },
  kafka: { open: ({ url, namespace }) => kafka({ brokers: url, prefix: `${namespace}.` }) },
};
