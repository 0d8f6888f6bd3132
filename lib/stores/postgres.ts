import type { Part } from '../brokers/postgres/migration.js';
import type { PostgresOptions } from '../brokers/postgres/options.js';
import { PostgresSession, type Connected } from '../brokers/postgres/session.js';
import type { CoordinationStore, ResultStore, Store } from '../contracts/stores.js';
import { FILTER_TABLES, PostgresFilter } from './postgres/filter.js';
import { PostgresPresence, PRESENCE_TABLES } from './postgres/presence.js';
import { PostgresRate, RATE_TABLES } from './postgres/rate.js';
import { PostgresResults, RESULTS_TABLES } from './postgres/results.js';
import { PostgresSettings, SETTINGS_TABLES } from './postgres/settings.js';

export type { PostgresOptions } from '../brokers/postgres/options.js';

const COORDINATION: Part = {
  name: 'coordination',
  versions: [[FILTER_TABLES, RATE_TABLES, PRESENCE_TABLES, SETTINGS_TABLES].join('\n')],
  columns: {
    funq_filter: ['key', 'owner', 'done', 'until', 'value'],
    funq_rates: ['key', 'next', 'at'],
    funq_workers: ['id', 'report', 'until'],
    funq_settings: ['key', 'value'],
  },
};

const RESULTS: Part = {
  name: 'results',
  versions: [RESULTS_TABLES],
  columns: { funq_results: ['id', 'queue', 'status', 'finished', 'expires', 'record', 'args', 'value'] },
};

/** Both stores in one PostgreSQL database, over the same few connections: `forRoot({ stores: postgresStores({ url }) })`. */
export function postgresStores(options: PostgresOptions): { results: ResultStore; coordination: CoordinationStore } {
  const verbs = (connected: Connected): Coordination & Results => ({ ...coordinate(connected), ...keep(connected) });
  const session = new PostgresSession(options, [COORDINATION, RESULTS], verbs);
  const both = { ...resultsOver(session), ...coordinationOver(session), ...natureOf(options) };
  return { results: both, coordination: both };
}

/** What processes agree on, in a PostgreSQL database; the broker's own will do. All times are the server's. */
export function postgresCoordination(options: PostgresOptions): CoordinationStore {
  return { ...coordinationOver(new PostgresSession(options, [COORDINATION], coordinate)), ...natureOf(options) };
}

/** The outcomes of tasks in a PostgreSQL database; the broker's own will do. */
export function postgresResults(options: PostgresOptions): ResultStore {
  return { ...resultsOver(new PostgresSession(options, [RESULTS], keep)), ...natureOf(options) };
}

interface Coordination {
  readonly filter: PostgresFilter;
  readonly rate: PostgresRate;
  readonly presence: PostgresPresence;
  readonly settings: PostgresSettings;
}

const coordinate = ({ database, clock }: Connected): Coordination => ({
  filter: new PostgresFilter(database),
  rate: new PostgresRate(database, clock),
  presence: new PostgresPresence(database),
  settings: new PostgresSettings(database),
});

interface Results {
  readonly kept: PostgresResults;
}

const keep = ({ database }: Connected): Results => ({ kept: new PostgresResults(database) });

type Verbs<S extends Store> = Omit<S, 'kind' | 'durable' | 'shared' | 'required'>;

function coordinationOver(session: PostgresSession<Coordination>): Verbs<CoordinationStore> {
  return {
    connect: (context) => session.connect(context),
    claim: async (key, owner, lease) => (await session.use()).filter.claim(key, owner, lease),
    confirm: async (key, owner, ttl, value) => (await session.use()).filter.confirm(key, owner, ttl, value),
    release: async (key, owner) => (await session.use()).filter.release(key, owner),
    reserve: async (key, interval, burst, permits) => (await session.use()).rate.reserve(key, interval, burst, permits),
    report: async (worker, ttl) => (await session.use()).presence.report(worker, ttl),
    withdraw: async (id) => (await session.use()).presence.withdraw(id),
    list: async () => (await session.use()).presence.list(),
    set: async (key, value) => (await session.use()).settings.set(key, value),
    settings: async (prefix) => (await session.use()).settings.list(prefix),
    close: () => session.close(),
  };
}

function resultsOver(session: PostgresSession<Results>): Verbs<ResultStore> {
  return {
    connect: (context) => session.connect(context),
    save: async (results) => (await session.use()).kept.save(results),
    find: async (id) => (await session.use()).kept.find(id),
    query: async (query) => (await session.use()).kept.query(query),
    close: () => session.close(),
  };
}

const natureOf = ({ required = false }: PostgresOptions) => ({
  kind: 'postgres',
  durable: true,
  shared: true,
  required,
});
