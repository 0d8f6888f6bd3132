import { Socket } from 'node:net';
import type { Pool, PoolConfig } from 'pg';
import { driverError, maskedAddress } from '../support/driver-error.js';

/**
 * Where the database is: `url`, pg's own options, or a ready `pool`. Behind a pgbouncer that pools transactions set
 * `statement_timeout: false`, and `prepare: false` before its release 1.21; notifications don't pass it, so other processes'
 * messages are noticed by polling.
 */
export interface PostgresOptions extends PoolConfig {
  /** `postgres://user:password@host:5432/database`; the same as pg's `connectionString`. */
  readonly url?: string;
  /** A pool that is open already, in place of all options of pg; `close()` leaves it open. */
  readonly pool?: Pool;
  /** Schema of the tables, made when it is missing; brokers and stores may share it. Default: `'funq'`. */
  readonly schema?: string;
  /** Whether the app can't start while the server is away. Default: false. */
  readonly required?: boolean;
  /** Whether statements are prepared by name. Default: true. */
  readonly prepare?: boolean;
}

/** Milliseconds that the server works on one statement. */
const STATEMENT_TIMEOUT = 4500;
/** Milliseconds that a connection may be silent in the middle of a statement. */
export const SILENCE = 5000;
/** And while it is opened: less than an app waits for it, which is to hear why. */
const CONNECT = 4000;
const CONNECTIONS = 4;
const NAME_BYTES = 63;

/** What pg is given, and what errors may say of it. */
export interface Target {
  readonly config: PoolConfig;
  /** Without secrets. */
  readonly address: string;
  readonly schema: string;
}

/** Reads the options. Throws `FUNQ_POSTGRES_URL` or `FUNQ_POSTGRES_SCHEMA` for what can't work. */
export function targetOf(options: PostgresOptions): Target {
  const { url, pool, schema = 'funq', required: _required, prepare: _prepare, ...own } = options;
  if (pool && typeof pool.connect !== 'function')
    throw driverError(
      'FUNQ_POSTGRES_POOL',
      "postgres 'pool' is no pool; give it a Pool of pg, or 'url' for an address",
    );
  const given: PoolConfig = pool ? { ...pool.options, password: pool.options.password } : own;
  const connectionString = url ?? given.connectionString;
  if (connectionString !== undefined) checkUrl(connectionString);
  checkSchema(schema);
  const config: PoolConfig = {
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT,
    query_timeout: SILENCE,
    statement_timeout: STATEMENT_TIMEOUT,
    keepAlive: true,
    application_name: 'nestjs-funq',
    ...given,
    ...(connectionString !== undefined && { connectionString }),
  };
  return { config, address: addressOf(config), schema };
}

/** The config, with sockets that can be given up at once: pg waits for a server that may never answer. */
export function withSockets(config: PoolConfig, sockets: Set<Socket>): PoolConfig {
  const stream = (): Socket => {
    const socket = new Socket();
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  };
  return config.stream ? config : { ...config, stream };
}

/** An identifier as SQL writes it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function checkUrl(url: unknown): void {
  const good = typeof url === 'string' && /^(postgres|postgresql|socket):/.test(url) && canParse(url);
  if (good || (typeof url === 'string' && url.startsWith('/'))) return;
  throw driverError(
    'FUNQ_POSTGRES_URL',
    `postgres 'url' is '${maskedAddress(url)}', but must look like postgres://user:password@host:5432/database, with special characters of the password percent-encoded`,
  );
}

function canParse(url: string): boolean {
  // pg also takes an empty host, for the local socket.
  return URL.canParse(url.replace(/^(\w+:\/\/(?:[^/@]*@)?)\//, '$1localhost/'));
}

function checkSchema(schema: unknown): void {
  const good = typeof schema === 'string' && schema !== '' && !/\0|\$funq\$|^pg_/.test(schema);
  if (good && Buffer.byteLength(schema) <= NAME_BYTES) return;
  throw driverError(
    'FUNQ_POSTGRES_SCHEMA',
    `postgres 'schema' is ${JSON.stringify(schema)}, but must be a name of 1 to ${NAME_BYTES} bytes that does not begin with pg_`,
  );
}

function addressOf({ connectionString, host, port, database }: PoolConfig): string {
  if (connectionString) return maskedAddress(connectionString).replace(/\?.*$/s, '');
  const { PGHOST, PGPORT, PGDATABASE } = process.env;
  return `${host ?? PGHOST ?? 'localhost'}:${port ?? PGPORT ?? 5432}/${database ?? PGDATABASE ?? ''}`;
}
