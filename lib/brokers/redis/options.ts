import type { Cluster, Redis, RedisOptions } from 'ioredis';

export interface RedisConnectionOptions {
  /** `redis://user:password@host:6379/0`, `rediss://` for TLS. Default: `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /**
   * More for ioredis: `tls`, `sentinels` and the like. When to connect again, and what becomes of commands meanwhile, is not
   * left to it; `connectTimeout` and `commandTimeout`, in milliseconds, are 4000 and 5000 by default.
   */
  readonly options?: RedisOptions;
  /**
   * A client in place of `url` and `options`, as for Redis Cluster. It stays open when the app closes. How long it waits, and
   * that it connects again, is its own affair: give it a `commandTimeout`, and `autoResendUnfulfilledCommands: false`; also
   * `autoResubscribe: false`, as ioredis leaves the failure to do so unhandled. An event loop that is blocked longer than the
   * lease loses its messages, as no thread can use the client of another one.
   */
  readonly client?: Redis | Cluster;
  /** What all keys begin with, so that several apps may share a database: any text without braces. Default: `'funq'`. */
  readonly namespace?: string;
  /** As {@link Broker.required}. Default: false. */
  readonly required?: boolean;
  /**
   * Whether to work with a server that may drop keys when its memory is full (`maxmemory-policy`); it is refused otherwise.
   * Default: false.
   */
  readonly allowEviction?: boolean;
}

export const DEFAULT_URL = 'redis://127.0.0.1:6379';

/** What can be kept or sent to another thread of the options: how to connect. */
export interface RedisTarget {
  readonly url: string;
  readonly options: RedisOptions;
}

export function targetOf({ url = DEFAULT_URL, options = {} }: RedisConnectionOptions): RedisTarget {
  return { url, options };
}
