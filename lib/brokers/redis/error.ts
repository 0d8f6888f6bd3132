import { away, driverError, hinted, isExplained, unfit } from '../support/driver-error.js';

/** Answers of a server that can't do its work now, or no longer: as good as none. */
const NOT_NOW = /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|UNBLOCKED)\b/;
const RIGHTS =
  /^(?:WRONGPASS|NOAUTH|NOPERM)\b|invalid password|invalid username|AUTH <password>|user executing the script can't/i;
/** What a server before version 7 puts before what one of a script's commands said. */
const IN_SCRIPT = /^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/;
const TLS = /^(?:EPROTO|ERR_(?:TLS|SSL)|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;

export function redisError(code: `FUNQ_REDIS_${string}`, message: string, cause?: unknown): Error {
  return driverError(code, message, cause);
}

/** No answer came in time. */
export const silence = (): Error => new Error('Command timed out');

/** Whether the server answered, and the answer was this error. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

const said = ({ message }: Error): string => message.replace(IN_SCRIPT, '');

/** Whether the connection is of no use any more after this error. */
export function isAway(error: unknown): boolean {
  return isReply(error) ? NOT_NOW.test(said(error)) : !isOther(error);
}

/** The same error in words that tell what to do. */
export function explain(error: unknown, address: string): Error {
  if (isOther(error)) return error;
  forgetArguments(error);
  const message = said(error as Error);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && TLS.test(code)) {
    return redisError(
      'FUNQ_REDIS_TLS',
      `TLS with Redis at ${address} failed (${message}). Does it speak TLS there? 'rediss://' is for TLS, 'redis://' for none; ` +
        `the option 'options.tls' takes a certificate authority of your own.`,
      error,
    );
  }
  if (!isReply(error))
    return away('redis', address, hinted(error as Error, HUNG_UP, "'rediss://' is for TLS, 'redis://' for none"));
  if (NOT_NOW.test(message)) return away('redis', address, error);
  if (RIGHTS.test(message)) {
    return unfit(
      'FUNQ_REDIS_AUTH',
      `Redis at ${address} refused (${message}). Check user and password in the option 'url', and what the user may do: ` +
        'all commands on keys and channels of the namespace.',
      error,
    );
  }
  if (message.startsWith('MISCONF') || message.startsWith('OOM')) {
    return redisError('FUNQ_REDIS_FULL', `Redis at ${address} takes nothing more: ${message}`, error);
  }
  if (/^(?:MOVED|ASK|CROSSSLOT)\b/.test(message)) {
    return unfit(
      'FUNQ_REDIS_CLUSTER',
      `Redis at ${address} is one node of a cluster (${message}). Give the option 'client' a Cluster of ioredis in place of 'url'.`,
      error,
    );
  }
  if (message.startsWith('WRONGTYPE')) {
    return unfit(
      'FUNQ_REDIS_FOREIGN',
      `Redis at ${address} has a key of another program where a queue belongs. Choose another 'namespace'.`,
      error,
    );
  }
  return redisError('FUNQ_REDIS_FAILED', `Redis at ${address} failed: ${message}`, error);
}

/** Explained already, or none of the server's. */
function isOther(error: unknown): error is Error {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return isExplained(error);
}

const HUNG_UP = /^Connection is closed|before secure TLS|^Unknown RESP type|ECONNRESET|ETIMEDOUT/;

/** The client's errors tell what was sent: the password when one connects, else bodies of messages. */
function forgetArguments(error: unknown): void {
  const failed = error as { command?: { readonly name: unknown } };
  if (failed.command) failed.command = { name: failed.command.name };
}
