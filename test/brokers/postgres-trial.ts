import { randomUUID } from 'node:crypto';
import type { Broker, Clock, Subscription } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';

export const NEVER = new AbortController().signal;
/** Milliseconds: longer than any test. */
export const LEASE = 600_000;

/**
 * Opens `broker`, which a test does harm to, and beside it one that nothing happens to, with a queue of their own. All are closed
 * in the end, before what the test registered to be closed earlier.
 */
export async function beside(url: string, broker: Broker, clock: Clock = new SystemClock()) {
  const direct = postgres({ url });
  await Promise.all([direct.connect({ clock: new SystemClock() }), broker.connect({ clock })]);
  const queue = `beside-${randomUUID()}`;
  const others: Subscription[] = [];
  onTestFinished(async () => {
    await Promise.all([broker.close(), ...others.map((each) => each.close())]);
    await direct.purge!(queue);
    await direct.close();
  });
  /** Another consumer, whose connections work. */
  const another = async (prefetch: number): Promise<Subscription> => {
    const other = await direct.subscribe(queue, { prefetch, lease: LEASE });
    others.push(other);
    return other;
  };
  return { direct, queue, another };
}
