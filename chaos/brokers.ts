import { join } from 'node:path';
import type { Broker } from 'nestjs-funq';

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
  /** How a process gets one that is not connected yet. Its client is loaded then: all of them would take each process a second. */
  open(place: Place): Promise<Broker>;
  /** Why its server can't be killed, where one that was may never be whole again. */
  readonly unkillable?: string;
  /** The most connections of one process that opens each when all others are busy: what it has at a moment is no limit then. */
  readonly connections?: number;
}

/** The brokers under test, one line each. */
export const BROKERS: Readonly<Record<string, TestedBroker>> = {
  sqlite: {
    open: async ({ folder }) =>
      (await import('nestjs-funq/sqlite')).sqlite({ file: join(folder, 'funq.db'), busyTimeout: BUSY_TIMEOUT }),
  },
  redis: { open: async ({ url, namespace }) => (await import('nestjs-funq/redis')).redis({ url, namespace }) },
  rabbitmq: {
    // What was fetched ahead over a dead connection comes back when the server notices: by default later than a run wants to wait.
    open: async ({ url, namespace }) =>
      (await import('nestjs-funq/rabbitmq')).rabbitmq({ url, prefix: `${namespace}.`, heartbeat: 4 }),
    unkillable:
      'killed, a RabbitMQ 3.10 of one node may leave a quorum queue without a leader for ever; restart and half-open are run',
  },
  postgres: {
    open: async ({ url, namespace }) => (await import('nestjs-funq/postgres')).postgres({ url, schema: namespace }),
  },
  mongo: {
    open: async ({ url, namespace }) => (await import('nestjs-funq/mongo')).mongo({ url, collection: namespace }),
    connections: 22, // 20 of the pool and two that watch the server
  },
  kafka: {
    open: async ({ url, namespace }) =>
      (await import('nestjs-funq/kafka')).kafka({ brokers: url, prefix: `${namespace}.` }),
  },
};
