import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Broker, Delivery, Outgoing, Subscription } from 'nestjs-funq';
import { redis, type RedisOptions } from 'nestjs-funq/redis';
import { afterEach } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';

export const clock = new SystemClock();
const endings: (() => unknown)[] = [];

/** Called when the test is over, last one first. */
export function atEnd(ending: () => unknown): void {
  endings.unshift(ending);
}

afterEach(async () => {
  for (const ending of endings.splice(0)) await Promise.resolve(ending()).catch(() => undefined);
});

/** A broker that is not connected yet, and closed when the test is over. */
export function created(options: RedisOptions): Broker {
  const broker = redis({ namespace: `test-${randomUUID()}`, ...options });
  atEnd(() => broker.close());
  return broker;
}

export async function opened(options: RedisOptions): Promise<Broker> {
  const broker = created(options);
  await broker.connect({ clock });
  return broker;
}

/** A client of the test's own, closed when the test is over. */
export function admin(url: string): Redis {
  const client = new Redis(url);
  atEnd(() => client.disconnect());
  return client;
}

/** With a lease that does not run out in a test. */
export function subscribe(broker: Broker, queue: string): Promise<Subscription> {
  return broker.subscribe(queue, { prefetch: 100, lease: 60_000 });
}

export function message(text: string, more: Partial<Outgoing> = {}): Outgoing {
  return { id: randomUUID(), body: Buffer.from(text), ...more };
}

export const textsOf = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ body }) => Buffer.from(body).toString());

/** What comes within `ms`, until `count` messages are there. */
export async function taken(subscription: Subscription, count: number, ms = 5000): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  const signal = AbortSignal.timeout(ms);
  while (deliveries.length < count && !signal.aborted)
    deliveries.push(...(await subscription.receive(count - deliveries.length, signal)));
  return deliveries;
}

/** Tries again until it works, as the core does, for `ms` at most. */
export async function eventually<T>(attempt: () => Promise<T>, ms = 10_000): Promise<T> {
  for (const end = clock.monotonic() + ms; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (clock.monotonic() > end) throw error;
      await clock.sleep(50);
    }
  }
}
