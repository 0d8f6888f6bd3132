import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { maskedAddress } from '../support/driver-error.js';
import { explain, isReply, redisError } from './error.js';
import { DEFAULT_URL, type RedisTarget } from './options.js';

export type RedisClient = Redis | Cluster;

/** Milliseconds for a command to be answered. */
const TIMEOUT = 5000;
/** And for a connection to be made: less than an app waits for it, which is to hear why. */
const CONNECT_TIMEOUT = 4000;

/**
 * One connection that is never mended: when it breaks, its commands are rejected, none is sent again, and a new client is to be
 * opened. So there is no state in which a client waits for ever.
 */
const SINGLE_USE: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: null,
  reconnectOnError: null,
  sentinelRetryStrategy: () => null,
  // It would wait as long as a server loads its data; one that does says so to every command.
  enableReadyCheck: false,
  // What is told of messages comes over the connection that fetches them.
  protocol: 3,
  stringNumbers: false,
  showFriendlyErrorStack: false,
};

/** Rejects with an explained error. */
export async function openClient(target: RedisTarget, name: string): Promise<Redis> {
  const address = addressOf(target);
  const client = new Redis(checkedUrl(target.url), {
    connectTimeout: CONNECT_TIMEOUT,
    commandTimeout: TIMEOUT,
    keepAlive: TIMEOUT,
    connectionName: name,
    ...target.options,
    ...SINGLE_USE,
  });
  let complaint: Error | undefined;
  client.on('error', (error: Error) => (complaint = error));
  try {
    await client.connect();
    // A database that isn't there is only complained of.
    if (isReply(complaint)) throw complaint;
    return client;
  } catch (error) {
    client.disconnect();
    throw explain(complaint ?? error, address);
  }
}

/** Where the server is, for messages: without secrets. */
export function addressOf({ url, options: { host, port, path, sentinels } }: RedisTarget): string {
  if (sentinels) return sentinels.map((each) => `${each.host}:${each.port}`).join(', ');
  if (path) return path;
  try {
    const { hostname, port: own } = new URL(url);
    return `${host ?? hostname}:${port ?? (own || 6379)}`;
  } catch {
    return 'an invalid address';
  }
}

/** Throws for what is no client, or one that gives texts for numbers. Of another copy of ioredis it may be. */
export function checkClient(client: RedisClient): void {
  const { options, defineCommand } = client as Partial<RedisClient>;
  const { stringNumbers } = {
    ...(options as { redisOptions?: RedisOptions })?.redisOptions,
    ...options,
  } as RedisOptions;
  if (typeof defineCommand === 'function' && !stringNumbers) return;
  throw redisError(
    'FUNQ_REDIS_CLIENT',
    `The option 'client' must be a Redis or a Cluster of ioredis, and without its option 'stringNumbers'. Give 'url' for an address.`,
  );
}

export function addressOfClient(client: RedisClient): string {
  if (client instanceof Cluster) return 'the cluster';
  return addressOf({ url: DEFAULT_URL, options: client.options });
}

/**
 * The client by which to hear of messages: the same where the protocol lets it send commands all the same, as that of a cluster
 * does by a connection of its own.
 */
export function listenerOf(client: RedisClient): RedisClient {
  if (client instanceof Cluster || protocolOf(client) !== 2) return client;
  const listener = client.duplicate({ protocol: 3, autoResubscribe: false, enableOfflineQueue: true });
  return listener.on('error', () => undefined); // Its commands tell.
}

/** That of the connection there is: not every server speaks the one that was asked for. */
function protocolOf(client: Redis): number | undefined {
  const { condition } = client as unknown as { condition?: { protocol?: number } };
  return condition?.protocol ?? client.options.protocol;
}

/** Milliseconds that the client gives an answer; from now on others see to that, who forgive an event loop that was blocked. */
export function patienceOf(client: RedisClient): number | undefined {
  const { options } = client as Redis;
  const { commandTimeout } = options;
  delete options.commandTimeout;
  return commandTimeout;
}

function checkedUrl(url: string): string {
  if (isAddress(url)) return url;
  throw redisError(
    'FUNQ_REDIS_URL',
    `The option 'url' is '${maskedAddress(url)}', which is no address of Redis: write redis://host:6379/0, with user:password@ before the host, signs such as / and % of a password percent-encoded, or rediss:// for TLS.`,
  );
}

/** Of a database that is no number the client would make one, and end the process. */
function isAddress(url: string): boolean {
  try {
    decodeURIComponent(url);
    const { protocol, pathname } = new URL(url);
    return /^rediss?:$/.test(protocol) && /^(?:\/\d*)?$/.test(pathname);
  } catch {
    return false;
  }
}
