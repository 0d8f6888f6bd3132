import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fleet } from '../heartbeat/fleet.js';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await new Fleet(WORKER).open();
});
afterEach(() => fleet.close());

const WORKER = fileURLToPath(new URL('./filter-worker.mjs', import.meta.url));
const FILTER = { filter: true, concurrency: 8, lease: '2s' };
const copies = (count: number, ...args: unknown[]): unknown[][] => Array.from({ length: count }, () => args);

/** Every entry of an id is one of the process that runs it; the file has them in the order of time. */
function overlaps(killed?: number): string[] {
  const running = new Map<string, number>();
  const found: string[] = [];
  for (const { kind, id, pid } of fleet.ledger()) {
    const runner = running.get(id);
    if (kind === 'start' && runner !== undefined && runner !== killed) found.push(`${id} in ${pid} and ${runner}`);
    if (kind === 'start') running.set(id, pid);
    else running.delete(id);
  }
  return found;
}

describe('equal calls in two processes on one file', { timeout: 120_000 }, () => {
  it('never run at once, and succeed once each', async () => {
    await Promise.all([fleet.start(FILTER), fleet.start(FILTER)]);
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(ids.map((id) => fleet.publish(copies(40, id, 150))));
    await fleet.until(async () => fleet.counts('end').size === 5 && (await fleet.broker.count!('jobs')) === 0);
    expect(overlaps()).toEqual([]);
    expect([...fleet.counts('start').values(), ...fleet.counts('end').values()]).toEqual(Array(10).fill(1));
  });

  it('run again after a failure, one at a time, until one succeeds', async () => {
    await Promise.all([fleet.start(FILTER), fleet.start(FILTER)]);
    await fleet.publish(copies(30, 'fails', 30));
    await fleet.until(async () => fleet.counts('end').size === 1 && (await fleet.broker.count!('jobs')) === 0);
    expect(overlaps()).toEqual([]);
    expect(fleet.counts('end').get('fails')).toBe(1);
    expect(fleet.counts('failed').get('fails')).toBeGreaterThanOrEqual(2);
  });

  it('run in the other process when the one that ran was killed', async () => {
    const workers = await Promise.all([fleet.start(FILTER), fleet.start(FILTER)]);
    await fleet.publish(copies(10, 'k', 2000));
    await fleet.until(() => fleet.counts('start').size > 0);
    const { pid } = fleet.ledger()[0]!;
    await fleet.kill(workers.find((worker) => worker.pid === pid)!);
    await fleet.until(async () => fleet.counts('end').size === 1 && (await fleet.broker.count!('jobs')) === 0);
    expect(overlaps(pid)).toEqual([]);
    expect([fleet.counts('start').get('k'), fleet.counts('end').get('k')]).toEqual([2, 1]);
  });
});
