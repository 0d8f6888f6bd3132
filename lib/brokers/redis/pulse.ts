import type { PulseConnection, PulseSource } from '../../contracts/broker.js';
import { openClient } from './client.js';
import type { PulseId } from './consumer.js';
import { targetOf, type RedisConnectionOptions, type RedisTarget } from './options.js';
import { QUEUE_SCRIPTS } from './scripts.js';

/**
 * How another thread reaches the server. Undefined where it can't: a client that was handed in stays in its thread, as do options
 * with functions among them, and a bundle in CommonJS has no modules to load.
 */
export function pulseSource(options: RedisConnectionOptions): PulseSource | undefined {
  if (options.client || !import.meta.url) return undefined;
  const data = targetOf(options);
  try {
    structuredClone(data);
  } catch {
    return undefined;
  }
  return { module: new URL('./pulse.js', import.meta.url).href, data };
}

export async function openPulse(target: RedisTarget): Promise<PulseConnection> {
  const client = await openClient(target, 'nestjs-funq pulse');
  client.defineCommand('funqBeat', { lua: QUEUE_SCRIPTS.funqBeat, numberOfKeys: 1 });
  const { funqBeat } = client as unknown as Record<'funqBeat', (...values: unknown[]) => Promise<unknown>>;
  return {
    async beat(ids) {
      await Promise.all(
        (ids as readonly PulseId[]).map(({ key, consumer, lease }) => funqBeat.call(client, key, consumer, lease)),
      );
    },
    close: async () => client.disconnect(),
  };
}
