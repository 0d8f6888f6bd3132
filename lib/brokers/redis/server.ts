import { unfit } from '../support/driver-error.js';
import type { RedisClient } from './client.js';
import { isReply } from './error.js';

/** The oldest version with all commands that the scripts use. */
const OLDEST = [6, 2] as const;

/** Keys that a full server may drop: with `'lasting'` such that never expire, with `'any'` all. */
export type Kept = 'lasting' | 'any';

/**
 * Rejects with what makes the server unfit, before anything is entrusted to it. One that does not tell, as some that are run by
 * others, is taken as it is.
 */
export async function checkServer(
  client: RedisClient,
  address: string,
  kept: Kept,
  allowEviction = false,
): Promise<void> {
  const version = await tell(client, 'server', 'redis_version');
  const [major = 0, minor = 0] = version?.split('.').map(Number) ?? [];
  if (version && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))) {
    throw unfit(
      'FUNQ_REDIS_VERSION',
      `Redis at ${address} is version ${version}, and at least ${OLDEST.join('.')} is needed.`,
    );
  }
  const policy = allowEviction ? undefined : await tell(client, 'memory', 'maxmemory_policy');
  const evicts = kept === 'any' ? policy && policy !== 'noeviction' : policy?.startsWith('allkeys');
  if (evicts) {
    throw unfit(
      'FUNQ_REDIS_EVICTION',
      `Redis at ${address} drops ${kept === 'any' ? 'keys' : 'tasks'} when its memory is full: maxmemory-policy is '${policy}'. Set it to ` +
        `'noeviction', or accept that with the option 'allowEviction: true'.`,
    );
  }
}

async function tell(client: RedisClient, section: string, field: string): Promise<string | undefined> {
  try {
    const told = await client.info(section);
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(told)?.[1];
  } catch (error) {
    if (isReply(error) && /^(?:NOPERM|ERR unknown)/.test(error.message)) return undefined;
    throw error;
  }
}
