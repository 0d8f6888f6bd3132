import type { mongo } from 'mongoose';
import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import { addressOf, borrowMongo, checkMongoOptions, collectionOf, openMongo, type MongoOptions } from './client.js';
import type { MongoDatabase } from './client.js';
import { explain, isLost } from './error.js';
import { ServerTime } from './time.js';

/** The most connections of one broker or store. */
const CONNECTIONS = 20;

export interface MongoOpened {
  readonly clock: Clock;
  readonly time: ServerTime;
  /** The collection `<prefix>_<name>`, with these indexes. */
  collection<T extends mongo.Document>(
    name: string,
    ...indexes: mongo.IndexDescription[]
  ): Promise<mongo.Collection<T>>;
}

interface Open<T> {
  readonly parts: MongoOpened & T;
  readonly database: MongoDatabase;
}

/** A database from `connect` to `close`, with the collections `T`. What was lost on the way is opened again by the next verb. */
export class MongoSession<T> {
  #context: ConnectContext | undefined;
  #opening: Promise<Open<T>> | undefined;

  constructor(
    private readonly options: MongoOptions,
    private readonly prepare: (opened: MongoOpened) => Promise<T>,
  ) {
    checkMongoOptions(options);
  }

  /** Where the server is, as errors may show it; a connection that was handed in knows that when it is open. */
  get address(): string {
    return addressOf(this.options);
  }

  async connect(context: ConnectContext): Promise<void> {
    this.#context ??= context;
    await this.run(async () => undefined);
  }

  /** Does `work` on the open database; rejects in words that tell what to do, also before `connect` and after `close`. */
  async run<R>(work: (parts: MongoOpened & T) => Promise<R>): Promise<R> {
    if (!this.#context) throw driverError('FUNQ_MONGO_CLOSED', `MongoDB at ${this.address} is not connected`);
    const opening = (this.#opening ??= this.#open(this.#context));
    try {
      const { parts } = await opening;
      await parts.time.refresh();
      return await work(parts);
    } catch (error) {
      if (isLost(error)) this.#drop(opening);
      throw explain(error, this.address);
    }
  }

  /** Closes when `last`, which may still use the database, has resolved. */
  async close(last?: () => Promise<unknown>): Promise<void> {
    if (this.#context) await last?.();
    this.#context = undefined;
    const opening = this.#opening;
    this.#opening = undefined;
    await opening?.then(({ database }) => database.close()).catch(() => undefined);
  }

  /** A client that found no server is not trusted to find its way back: the next verb makes a new one. */
  #drop(opening: Promise<Open<T>>): void {
    if (this.#opening !== opening) return;
    this.#opening = undefined;
    void opening.then(({ database }) => database.close()).catch(() => undefined);
  }

  #open(context: ConnectContext): Promise<Open<T>> {
    const opening = this.#openNow(context);
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening;
  }

  async #openNow({ clock }: ConnectContext): Promise<Open<T>> {
    const { url, connection, collection: prefix = 'funq' } = this.options;
    const database = connection ? await borrowMongo(connection) : await openMongo(url!, CONNECTIONS);
    try {
      const time = new ServerTime(collectionOf(database.db, `${prefix}_clock`), clock);
      const collection: MongoOpened['collection'] = async <D extends mongo.Document>(
        name: string,
        ...indexes: mongo.IndexDescription[]
      ) => {
        const opened = collectionOf<D>(database.db, `${prefix}_${name}`);
        if (indexes.length > 0) await opened.createIndexes(indexes);
        return opened;
      };
      const opened = { clock, time, collection };
      return { parts: { ...opened, ...(await this.prepare(opened)) }, database };
    } catch (error) {
      await database.close().catch(() => undefined);
      throw error;
    }
  }
}
