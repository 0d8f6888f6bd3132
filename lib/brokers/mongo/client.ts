import mongoose, { type Connection, type mongo } from 'mongoose';
import { driverError, maskedAddress } from '../support/driver-error.js';
import { badAddress } from './error.js';

export interface MongoOptions {
  /** `mongodb://user:password@host:27017/database`, with any option of MongoDB's connection string. */
  readonly url?: string;
  /**
   * The app's own mongoose connection instead, as `@nestjs/mongoose` gives it by `getConnectionToken()`. It stays open on `close()`;
   * how long a dead server is waited for is then set by its options, and no thread can keep leases while the event loop is blocked.
   */
  readonly connection?: Connection;
  /** What the names of the collections begin with: `funq` gives `funq_tasks`, `funq_results` and so on. Default: `'funq'`. */
  readonly collection?: string;
  /** Whether the app can't start while the server is away. Default: false. */
  readonly required?: boolean;
}

/** The client's own waits, in milliseconds. Each is overridden by the same option in `url`. */
const TIMEOUTS = {
  serverSelectionTimeoutMS: 3000,
  connectTimeoutMS: 3000,
  socketTimeoutMS: 10_000,
  waitQueueTimeoutMS: 5000,
  heartbeatFrequencyMS: 2000,
};

/** A database, and how to end what was opened for it. */
export interface MongoDatabase {
  readonly db: mongo.Db;
  close(): Promise<void>;
}

/** Checks the options, which never change: what can't work is told before anything is opened. */
export function checkMongoOptions({ url, connection, collection = 'funq' }: MongoOptions): void {
  if ((url === undefined) === (connection === undefined))
    throw driverError('FUNQ_MONGO_OPTIONS', "give either 'url' or 'connection', and not both");
  if (connection && typeof connection.asPromise !== 'function')
    throw driverError(
      'FUNQ_MONGO_OPTIONS',
      "the 'connection' is none of mongoose; give it what mongoose.createConnection() returns, or 'url' for an address",
    );
  if (!/^(?!system\.)[A-Za-z_][\w.-]{0,99}$/.test(collection))
    throw driverError(
      'FUNQ_MONGO_OPTIONS',
      `'collection' is ${JSON.stringify(collection)}; use at most 100 letters, digits, '_', '.' or '-', the first one a letter`,
    );
}

/** Where the server is, as errors may show it. */
export function addressOf({ url, connection }: MongoOptions): string {
  if (url !== undefined) return maskedAddress(url).replace(/\?.*$/s, '');
  return `${connection?.host ?? 'an unopened connection'}:${connection?.port ?? ''}`;
}

/** Opens a client for `url`, with `size` connections at most; rejects as the client does. */
export async function openMongo(url: string, size: number): Promise<MongoDatabase> {
  const client = newClient(url, size);
  try {
    await client.connect();
    return { db: client.db(), close: () => client.close() };
  } catch (error) {
    await client.close().catch(() => undefined);
    throw error;
  }
}

/** The database of a connection that belongs to the app. */
export async function borrowMongo(connection: Connection): Promise<MongoDatabase> {
  await connection.asPromise();
  if (!connection.db)
    throw driverError('FUNQ_MONGO_OPTIONS', "the 'connection' was never opened, or it was closed; open it first");
  return { db: connection.getClient().db(connection.name), close: async () => undefined };
}

function newClient(url: string, size: number): mongo.MongoClient {
  try {
    return new mongoose.mongo.MongoClient(url, { ...TIMEOUTS, ...timeoutsIn(url), maxPoolSize: size });
  } catch (error) {
    throw badAddress(url, error);
  }
}

/** Options in code win over those in the address, so what the address says is handed on as such. */
function timeoutsIn(url: string): Partial<typeof TIMEOUTS> {
  const given = new URLSearchParams(url.split('?')[1] ?? '');
  return Object.fromEntries(
    Object.keys(TIMEOUTS).flatMap((name) => (given.has(name) ? [[name, Number(given.get(name))]] : [])),
  );
}

/** A collection as this library uses it, whatever the connection's own settings are. */
export function collectionOf<T extends mongo.Document>(db: mongo.Db, name: string): mongo.Collection<T> {
  return db.collection<T>(name, {
    promoteValues: true,
    promoteLongs: true,
    promoteBuffers: true,
    ignoreUndefined: true,
    readPreference: 'primary',
    readConcern: { level: 'local' },
    writeConcern: { w: 'majority' },
  });
}
