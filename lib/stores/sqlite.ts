import { MEMORY, type SqliteFileOptions } from '../brokers/sqlite/options.js';
import { SqliteSession } from '../brokers/sqlite/session.js';
import type { CoordinationStore, ResultStore } from '../contracts/stores.js';
import { FILTER_SCHEMA, SqliteFilter } from './sqlite/filter.js';
import { PRESENCE_SCHEMA, SqlitePresence } from './sqlite/presence.js';
import { RATE_SCHEMA, SqliteRate } from './sqlite/rate.js';
import { RESULTS_SCHEMA, SqliteResults } from './sqlite/results.js';
import { SETTINGS_SCHEMA, SqliteSettings } from './sqlite/settings.js';
import { SqliteWrites } from './sqlite/writes.js';

export type { SqliteFileOptions } from '../brokers/sqlite/options.js';
export type { SqliteHandle, SqliteHandleStatement } from '../brokers/sqlite/driver.js';

/**
 * What processes agree on, in a SQLite file: one of its own, or the file of the broker. Times are kept on the wall clock, which
 * the processes of one machine share.
 */
export function sqliteCoordination(options: SqliteFileOptions): CoordinationStore {
  const schema = [FILTER_SCHEMA, RATE_SCHEMA, PRESENCE_SCHEMA, SETTINGS_SCHEMA].join(';');
  const session = new SqliteSession(options, schema, ({ database }) => ({
    writes: new SqliteWrites(database),
    filter: new SqliteFilter(database),
    rate: new SqliteRate(database),
    presence: new SqlitePresence(database),
    settings: new SqliteSettings(database),
  }));

  return {
    ...natureOf(options),
    connect: (context) => session.connect(context),
    async claim(key, owner, lease) {
      const { writes, clock, filter } = await session.use();
      return writes.add(() => filter.claim(key, owner, lease, clock.now()));
    },
    async confirm(key, owner, ttl, value) {
      const { writes, clock, filter } = await session.use();
      return writes.add(() => filter.confirm(key, owner, ttl, value, clock.now()));
    },
    async release(key, owner) {
      const { writes, filter } = await session.use();
      await writes.add(() => filter.release(key, owner));
    },
    async reserve(key, interval, burst, permits) {
      const { database, clock, rate } = await session.use();
      const first = await database.write(() => rate.reserve(key, interval, burst, permits, clock.now()));
      return first - clock.now(); // Writing took its time.
    },
    async report(worker, ttl) {
      const { database, clock, presence } = await session.use();
      await database.write(() => presence.report(worker, ttl, clock.now()));
    },
    async withdraw(id) {
      const { database, presence } = await session.use();
      await database.write(() => presence.withdraw(id));
    },
    async list() {
      const { database, clock, presence } = await session.use();
      return database.read(() => presence.list(clock.now()));
    },
    async set(key, value) {
      const { database, settings } = await session.use();
      await database.write(() => settings.set(key, value));
    },
    async settings(prefix) {
      const { database, settings } = await session.use();
      return database.read(() => settings.list(prefix));
    },
    close: () => session.close(),
  };
}

/** The outcomes of tasks in a SQLite file: one of its own, or the file of the broker. */
export function sqliteResults(options: SqliteFileOptions): ResultStore {
  const session = new SqliteSession(options, RESULTS_SCHEMA, ({ database }) => ({
    results: new SqliteResults(database),
  }));

  return {
    ...natureOf(options),
    connect: (context) => session.connect(context),
    async save(list) {
      const { database, clock, results } = await session.use();
      return database.write(() => results.save(list, clock.now()));
    },
    async find(id) {
      const { database, clock, results } = await session.use();
      return database.read(() => results.find(id, clock.now()));
    },
    async query(query) {
      const { database, clock, results } = await session.use();
      return database.read(() => results.query(query, clock.now()));
    },
    close: () => session.close(),
  };
}

function natureOf({ file }: SqliteFileOptions): { kind: string; durable: boolean; shared: boolean } {
  const lasting = file !== MEMORY;
  return { kind: 'sqlite', durable: lasting, shared: lasting };
}
