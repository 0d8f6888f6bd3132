import pg, { type PoolConfig } from 'pg';
import type { PulseConnection, PulseSource } from '../../contracts/broker.js';
import { beatIn } from './consumers.js';
import { within } from './database.js';
import type { Target } from './options.js';

interface PulseData {
  readonly config: PoolConfig;
  readonly schema: string;
}

/** Milliseconds that one beat, or the opening, may take. */
const DEADLINE = 2000;

/** How another thread reaches the database. Undefined where it can't: a password that is a function, say, is no data. */
export function pulseSource({ config, schema }: Target): PulseSource | undefined {
  if (!import.meta.url) return undefined;
  try {
    const data: PulseData = structuredClone({ config, schema });
    return { module: new URL('./pulse.js', import.meta.url).href, data };
  } catch {
    return undefined;
  }
}

/** One connection to the tables as they are. */
export async function openPulse({ config, schema }: PulseData): Promise<PulseConnection> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: DEADLINE });
  client.on('error', () => undefined); // The next beat rejects.
  await client.connect();
  return {
    beat: async (ids) => void (await client.query(within(DEADLINE, beatIn(schema), [ids]))),
    close: () => client.end(),
  };
}
