import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type ConsumerOptions, type CoordinationStore } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { Presence } from '../../../lib/nest/presence.js';
import { boot, signal, turns, type Booted } from '../support/app.js';
import { sharedStore } from '../support/shared-store.js';

function consuming(options: ConsumerOptions, clock: ManualClock, coordination: CoordinationStore): Promise<Booted> {
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', ...options })
    run(): void {}
  }
  return boot({ providers: [Job] }, { clock, stores: { coordination } });
}

describe('processes that share a coordination store', () => {
  it('know of each other, and forget who has left', async () => {
    const [clock, store] = [new ManualClock(), sharedStore()];
    const one = await consuming({}, clock, store);
    const two = await consuming({}, clock, store);
    await clock.advance(5000);
    expect([one, two].map(({ app }) => app.get(Presence).processes)).toEqual([2, 2]);
    const [report] = await store.list();
    expect(report).toMatchObject({ pid: process.pid, startedAt: Date.UTC(2026, 0, 1) });
    expect(Object.keys(report!.consumers)).toEqual(['default/jobs']);
    await two.close();
    await clock.advance(5000);
    expect(one.app.get(Presence).processes).toBe(1);
  });

  it('forget who leaves while it reports', async () => {
    const [clock, store] = [new ManualClock(), sharedStore()];
    const { app } = await consuming({}, clock, store);
    const report = store.report.bind(store);
    const [reporting, answered] = [signal(), signal()];
    store.report = async (...args) => {
      reporting.resolve();
      await answered.promise;
      return report(...args);
    };
    await clock.advance(5000);
    await reporting.promise;
    const closed = app.close();
    await turns();
    answered.resolve();
    await closed;
    expect(await store.list()).toEqual([]);
  });

  it('are told, once, of a queue that is consumed with other options', async () => {
    const [clock, store] = [new ManualClock(), sharedStore()];
    const one = await consuming({ retry: 1 }, clock, store);
    const told: unknown[] = [];
    one.events.on('mismatch', (event) => told.push(event));
    const two = await consuming({ retry: 2 }, clock, store);
    expect(two.log.find(`default/jobs is consumed with other options by process ${process.pid}`)).toMatchObject([
      { level: 'warn' },
    ]);
    await clock.advance(30_000);
    expect(told).toMatchObject([{ queue: 'default/jobs', pid: process.pid }]);
  });

  it('are left in peace when only their concurrency differs', async () => {
    const [clock, store] = [new ManualClock(), sharedStore()];
    const key = (x: number): string => `${x}`;
    const { events } = await consuming({ rate: { starts: 1, key }, concurrency: 1 }, clock, store);
    const told: unknown[] = [];
    events.on('mismatch', (event) => told.push(event));
    const { log } = await consuming({ rate: { starts: 1, key }, concurrency: 2 }, clock, store);
    await clock.advance(30_000);
    expect([told, log.find('other options')]).toEqual([[], []]);
  });

  it('go on when the store is away, and that is told', async () => {
    const [clock, store] = [new ManualClock(), sharedStore()];
    store.report = () => Promise.reject(new Error('away'));
    const { funq, log } = await consuming({}, clock, store);
    await funq.ask('jobs');
    expect(log.find('store memory failed: Error: away')).toHaveLength(1);
  });
});

it('an app that publishes only, or whose store is its own, reports nothing', async () => {
  const clock = new ManualClock();
  const [own, shared] = [memoryCoordination(), sharedStore()];
  await consuming({}, clock, own);
  await boot({}, { clock, stores: { coordination: shared } });
  await clock.advance(5000);
  expect([await own.list(), await shared.list()]).toEqual([[], []]);
});
