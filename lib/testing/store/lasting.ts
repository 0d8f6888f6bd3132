import assert from 'node:assert/strict';
import type { CoordinationStore, ResultStore } from '../../contracts/stores.js';
import { result, same } from './results.js';
import type { StoreCase, StoreFacts } from './trial.js';

const LONG = 60_000;

/** What outlives the object that wrote it. */
export function lastingCoordination({ durable }: StoreFacts<CoordinationStore>): StoreCase<CoordinationStore>[] {
  const skip = !durable && 'not durable';
  return [
    {
      name: 'durable: claims and executions outlive the store object',
      skip,
      async run(trial) {
        const first = await trial.open();
        await first.claim(trial.name('running'), 'a', LONG);
        await first.claim(trial.name('done'), 'a', LONG);
        await first.confirm(trial.name('done'), 'a', LONG, Buffer.from('value'));
        await first.close();
        const second = await trial.open();
        assert.deepEqual(await second.claim(trial.name('running'), 'b', LONG), { state: 'running' });
        const claim = await second.claim(trial.name('done'), 'b', LONG);
        assert.equal(claim.state === 'done' && Buffer.from(claim.value ?? []).toString(), 'value');
      },
    },
    {
      name: 'durable: schedules outlive the store object',
      skip,
      async run(trial) {
        const first = await trial.open();
        assert.equal(await first.reserve(trial.name(), LONG, 1, 3), 0);
        await first.close();
        const wait = await (await trial.open()).reserve(trial.name(), LONG, 1, 1);
        assert.ok(wait > LONG * 3 - 5000 && wait <= LONG * 3, `a wait of ${wait} ms`);
      },
    },
    {
      name: 'durable: presence outlives the store object',
      skip,
      async run(trial) {
        const first = await trial.open();
        await first.report({ id: trial.name(), host: 'h', pid: 1, startedAt: 2, consumers: {} }, LONG);
        await first.close();
        const workers = await (await trial.open()).list();
        assert.ok(workers.some(({ id }) => id === trial.name()));
      },
    },
    {
      name: 'durable: settings outlive the store object',
      skip,
      async run(trial) {
        const first = await trial.open();
        await first.set(trial.name(), 'kept');
        await first.close();
        assert.equal((await (await trial.open()).settings(trial.name())).get(trial.name()), 'kept');
      },
    },
  ];
}

/** What outlives the object that wrote it. */
export function lastingResults({ durable }: StoreFacts<ResultStore>): StoreCase<ResultStore>[] {
  return [
    {
      name: 'durable: results outlive the store object',
      skip: !durable && 'not durable',
      async run(trial) {
        const first = await trial.open();
        const saved = result(trial, 'a', { value: Buffer.from([1, 2, 255]) });
        await first.save([saved]);
        await first.close();
        same(await (await trial.open()).find(saved.id), saved);
      },
    },
  ];
}
