import type { MongoOptions } from '../brokers/mongo/client.js';
import { MongoSession } from '../brokers/mongo/session.js';
import type { CoordinationStore, CountQuery, ResultCount, ResultStore } from '../contracts/stores.js';
import { countCollection, MongoCounts, type Counted } from './mongo/counts.js';
import { filterCollection, MongoFilter } from './mongo/filter.js';
import { MongoPresence, workerCollection } from './mongo/presence.js';
import { MongoRate, rateCollection } from './mongo/rate.js';
import { MongoResults, resultCollection } from './mongo/results.js';
import { MongoSettings, settingCollection } from './mongo/settings.js';

export type { MongoOptions } from '../brokers/mongo/client.js';

/** What processes agree on, in a MongoDB database. All times are those of the server's clock, whatever the processes' own clocks say. */
export function mongoCoordination(options: MongoOptions): CoordinationStore {
  const session = new MongoSession(options, async (opened) => {
    const [keys, rates, workers, documents] = await Promise.all([
      filterCollection(opened),
      rateCollection(opened),
      workerCollection(opened),
      settingCollection(opened),
    ]);
    return {
      filter: new MongoFilter(keys, opened.time),
      rate: new MongoRate(rates, opened.time),
      presence: new MongoPresence(workers, opened.time),
      settings: new MongoSettings(documents),
    };
  });

  return {
    ...natureOf(options),
    connect: (context) => session.connect(context),
    claim: (key, owner, lease) => session.run(({ filter }) => filter.claim(key, owner, lease)),
    confirm: (key, owner, ttl, value) => session.run(({ filter }) => filter.confirm(key, owner, ttl, value)),
    release: (key, owner) => session.run(({ filter }) => filter.release(key, owner)),
    reserve: (key, interval, burst, permits) => session.run(({ rate }) => rate.reserve(key, interval, burst, permits)),
    report: (worker, ttl) => session.run(({ presence }) => presence.report(worker, ttl)),
    withdraw: (id) => session.run(({ presence }) => presence.withdraw(id)),
    list: () => session.run(({ presence }) => presence.list()),
    set: (key, value) => session.run(({ settings }) => settings.set(key, value)),
    settings: (prefix) => session.run(({ settings }) => settings.list(prefix)),
    close: () => session.close(),
  };
}

/** A result store that also counts. */
export interface MongoResultStore extends ResultStore {
  counts(query: CountQuery): Promise<readonly ResultCount[]>;
}

/**
 * The outcomes of tasks in a MongoDB database, and how many there were in each second (kept for an hour), minute (two days), hour (60
 * days) and day (two years).
 *
 * An outcome that is saved again is counted once. What a process dies in between saving and counting, at most one batch, is missing
 * from the counts; a count whose answer was lost may be there twice.
 */
export function mongoResults(options: MongoOptions): MongoResultStore {
  // Beyond one connection.
  const doubtful = new Set<string>();
  const pending = new Map<string, Counted>();
  const session = new MongoSession(options, async (opened) => {
    const [results, counts] = await Promise.all([resultCollection(opened), countCollection(opened)]);
    return { results: new MongoResults(results, doubtful), counts: new MongoCounts(counts, pending) };
  });

  return {
    ...natureOf(options),
    connect: (context) => session.connect(context),
    save: (list) =>
      session.run(async ({ results, counts }) => {
        const { failures, added } = await results.save(list);
        await counts.add(added);
        return failures;
      }),
    find: (id) => session.run(({ results, clock }) => results.find(id, clock.now())),
    query: (query) => session.run(({ results, clock }) => results.query(query, clock.now())),
    counts: (query) => session.run(({ counts, clock }) => counts.read(query, clock.now())),
    close: () => session.close(() => session.run(({ counts }) => counts.add([])).catch(() => undefined)),
  };
}

function natureOf({ required = false }: MongoOptions): Pick<ResultStore, 'kind' | 'durable' | 'shared' | 'required'> {
  return { kind: 'mongo', durable: true, shared: true, required };
}
