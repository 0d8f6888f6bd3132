import assert from 'node:assert/strict';
import type { ConsumerLoad } from '../../contracts/counters.js';
import type { CoordinationStore, WorkerReport } from '../../contracts/stores.js';
import type { StoreCase, StoreTrial } from './trial.js';

const TTL = 800;
const LONG = 60_000;

/** Who is there. */
export function presenceCases(): StoreCase<CoordinationStore>[] {
  return [
    {
      name: 'presence: what is reported is listed as it was reported',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const reports = [worker(trial, 'a'), worker(trial, 'b', { 'default/漢字': "it's" }), worker(trial, 'c', {})];
        for (const report of reports) await store.report(report, LONG);
        assert.deepEqual(await mine(trial, other), reports);
      },
    },
    {
      name: 'presence: how consumers fare comes through unchanged, and is replaced with the report',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        for (const load of [LOAD, { ...LOAD, running: 0, rate10s: 2 ** 53 - 1 }]) {
          const report = { ...worker(trial, 'a'), loads: { 'default/mail': load, 'other/漢字': LOAD } };
          await store.report(report, LONG);
          assert.deepEqual(await mine(trial, other), [report]);
        }
        await store.report(worker(trial, 'a'), LONG);
        assert.deepEqual(await mine(trial, other), [worker(trial, 'a')]);
      },
    },
    {
      name: 'presence: a later report replaces an earlier one',
      async run(trial) {
        const store = await trial.open();
        await store.report(worker(trial, 'a'), LONG);
        const changed = worker(trial, 'a', { 'default/mail': 'changed' });
        await store.report(changed, LONG);
        assert.deepEqual(await mine(trial, store), [changed]);
      },
    },
    {
      name: 'presence: a report that is not renewed disappears after its TTL, not earlier',
      async run(trial) {
        const store = await trial.open();
        await store.report(worker(trial, 'renewed'), TTL);
        await store.report(worker(trial, 'silent'), TTL);
        await trial.almost(TTL);
        assert.equal((await mine(trial, store)).length, 2);
        await store.report(worker(trial, 'renewed'), LONG);
        await trial.rest(TTL);
        assert.deepEqual(await mine(trial, store), [worker(trial, 'renewed')]);
      },
    },
    {
      name: 'presence: who withdraws is gone at once',
      async run(trial) {
        const store = await trial.open();
        await store.report(worker(trial, 'a'), LONG);
        await store.report(worker(trial, 'b'), LONG);
        await store.withdraw(trial.name('a'));
        await store.withdraw(trial.name('nobody'));
        assert.deepEqual(await mine(trial, await trial.reach(store)), [worker(trial, 'b')]);
      },
    },
  ];
}

const LOAD: ConsumerLoad = {
  total: {
    published: 9_007_199_254_740_991, started: 13, done: 12, failed: 11, retried: 10, requeued: 9, deferred: 8, filtered: 7,
    expired: 6, discarded: 5, dead: 4, released: 3, late: 2, leaseLost: 1,
  },
  rate10s: 0.1,
  rate60s: 1234.567_891,
  running: 50,
}; // prettier-ignore

function worker(
  trial: StoreTrial<CoordinationStore>,
  id: string,
  consumers: Record<string, string> = { 'default/mail': 'x1' },
): WorkerReport {
  return { id: trial.name(id), host: 'host-é', pid: 4711, startedAt: 1_767_225_600_123, consumers };
}

/** The reports of this case, by id. */
async function mine(trial: StoreTrial<CoordinationStore>, store: CoordinationStore): Promise<WorkerReport[]> {
  const reports = (await store.list()).filter(({ id }) => id.startsWith(trial.name()));
  return reports.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
