import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Clock, CoordinationStore } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';
import { signal, turns } from '../support/app.js';
import { filtering, job } from '../support/filtering.js';

const folder = mkdtempSync(join(tmpdir(), 'funq-ttl-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stores: [string, () => CoordinationStore][] = [
  ['memory', memoryCoordination],
  ['sqlite', () => sqliteCoordination({ file: join(folder, 'ttl.db') })],
];
const ttls: [string, number][] = [
  ['1ms', 1],
  ['100ms', 100],
  ['30d', 30 * 86_400_000],
];
const cases = stores.flatMap(([name, create]) => ttls.map(([ttl, ms]) => [ttl, name, create, ms] as const));

/** Moves the clock of a store alone: an engine's own timers would fire half a million times in a month. */
function leaping(store: CoordinationStore): { readonly store: CoordinationStore; leap(ms: number): void } {
  let leapt = 0;
  const { connect } = store;
  store.connect = ({ clock }) => {
    const ahead: Clock = {
      now: () => clock.now() + leapt,
      monotonic: () => clock.monotonic() + leapt,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      after: (ms, act, background) => clock.after(ms, act, background),
      every: (ms, tick) => clock.every(ms, tick),
    };
    return connect.call(store, { clock: ahead });
  };
  return { store, leap: (ms) => void (leapt += ms) };
}

describe('a TTL', () => {
  it.each(cases)('of %s on %s counts from the end of the run, to the millisecond', async (ttl, _name, create, ms) => {
    const { store, leap } = leaping(create());
    const { run } = await filtering({ filter: { ttl } }, store);
    const open = signal();
    job.work = () => open.promise;
    const first = run(ttl);
    await turns();
    leap(250);
    open.resolve();
    expect(await first).toBe('done');
    job.work = () => undefined;
    leap(ms - 1);
    expect(await run(ttl)).toBe('filtered');
    leap(1);
    expect([await run(ttl), await run(ttl)]).toEqual(['done', 'filtered']);
    leap(ms);
    expect(await run(ttl)).toBe('done');
    expect(job.ran).toHaveLength(3);
  });
});
