import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type ConsumerOptions, type RateOptions } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, turns } from '../support/app.js';

interface Keyed {
  /** Start times by key. */
  readonly at: Readonly<Record<string, number[]>>;
  readonly deferred: number;
}

/** What becomes of tasks, published in the order of `keys`, under a limit for each key. */
async function keyed(options: ConsumerOptions, rate: Partial<RateOptions>, keys: string[], ms: number): Promise<Keyed> {
  const clock = new ManualClock();
  const at: Record<string, number[]> = Object.fromEntries(keys.map((key) => [key, []]));
  let deferred = 0;
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', ...options, rate: { starts: 1, ...rate, key: (key: string) => key } })
    run(key: string): void {
      at[key]!.push(clock.monotonic());
    }
  }
  const { funq, events } = await boot({ providers: [Job] }, { clock, stores: { coordination: memoryCoordination() } });
  events.on('deferred', () => deferred++);
  await funq.publishMany(
    'jobs',
    keys.map((key) => [key]),
  );
  // Looking at tasks takes no time of this clock: it stands still until all were looked at.
  await turns(10_000);
  await clock.advance(ms);
  return { at, deferred };
}

const many = (key: string, count: number): string[] => Array.from({ length: count }, () => key);

describe('a key with more tasks than its limit lets start', () => {
  it.each<[string, ConsumerOptions, Partial<RateOptions>]>([
    ['with fifty slots', { concurrency: 50 }, {}],
    ['with two slots', { concurrency: 2 }, {}],
    ['with one slot', { concurrency: 1 }, {}],
    ['with slots as needed', {}, {}],
    ['with a shared limit', { concurrency: 50 }, { scope: 'shared' }],
    ['with a shared limit and one slot', { concurrency: 1 }, { scope: 'shared' }],
  ])('does not keep the other keys waiting %s', async (_name, options, rate) => {
    const keys = [...many('slow', 1000), ...many('b', 5), ...many('slow', 100), 'c'];
    const { at } = await keyed(options, rate, keys, 30_000);
    expect(at['c']).toEqual([0]);
    expect(at['b']).toHaveLength(5);
    expect(at['b']!.at(-1)).toBeLessThan(6000);
    expect(at['slow']!.length).toBeGreaterThanOrEqual(28);
    for (const times of Object.values(at)) {
      for (const [n, time] of times.slice(1).entries()) expect(time - times[n]!).toBeGreaterThan(999.9);
    }
  });

  it('sends each of them back about once, to come again when its turn is', async () => {
    const { at, deferred } = await keyed({ concurrency: 50 }, {}, many('a', 60), 61_000);
    expect(at['a']).toEqual(Array.from({ length: 60 }, (_, n) => n * 1000));
    expect(deferred).toBeLessThanOrEqual(60);
  });

  it('sends them back for a minute at most', async () => {
    const { at, deferred } = await keyed({ concurrency: 50 }, { starts: 1, per: '10s' }, many('a', 30), 301_000);
    expect(at['a']).toHaveLength(30);
    expect(deferred).toBeLessThanOrEqual(30 * 5);
  });

  it('leaves the limit of the other keys untouched', async () => {
    const keys = Array.from({ length: 300 }, (_, n) => `key ${n % 30}`);
    const { at } = await keyed({ concurrency: 10 }, {}, keys, 12_000);
    for (const times of Object.values(at)) expect(times.length).toBe(10);
  });
});
