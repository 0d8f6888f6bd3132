import { randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { FilterStore } from '../../contracts/stores.js';

/** Time that a process has for noting a value, and between two looks at one that another process is noting. */
const LEASE = 10_000;
const PAUSE = 50;

/** The value that the first of all processes gave for `key`, for ever: `value` where this one is the first. */
export async function agreed(
  store: FilterStore,
  key: string,
  value: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  const owner = randomUUID();
  while (!signal.aborted) {
    const claim = await store.claim(key, owner, LEASE);
    if (claim.state === 'done') return Buffer.from(claim.value ?? []).toString();
    if (claim.state === 'claimed' && (await store.confirm(key, owner, undefined, Buffer.from(value)))) return value;
    await clock.sleep(PAUSE, signal);
  }
  return value;
}
