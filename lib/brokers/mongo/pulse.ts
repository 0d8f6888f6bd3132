import type { ConnectContext, PulseConnection, PulseSource } from '../../contracts/broker.js';
import { collectionOf, openMongo, type MongoOptions } from './client.js';
import { beatAll, type ConsumerDocument } from './consumers.js';

interface PulseData {
  readonly url: string;
  readonly consumers: string;
}

/**
 * How another thread reaches the server. Undefined where it can't: a connection that was handed in stays in its thread, and a
 * bundle in CommonJS has no modules to load.
 */
export function pulseSource({ url, collection = 'funq' }: MongoOptions): PulseSource | undefined {
  if (url === undefined || !import.meta.url) return undefined;
  const data: PulseData = { url, consumers: `${collection}_consumers` };
  return { module: new URL('./pulse.js', import.meta.url).href, data };
}

export async function openPulse({ url, consumers }: PulseData, _context: ConnectContext): Promise<PulseConnection> {
  const { db, close } = await openMongo(url, 1);
  const collection = collectionOf<ConsumerDocument>(db, consumers);
  return { beat: (ids) => beatAll(collection, ids as readonly string[]), close };
}
