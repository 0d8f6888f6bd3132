import assert from 'node:assert/strict';
import type { ResultQuery, ResultStore, TaskResult } from '../../contracts/stores.js';
import type { StoreCase, StoreTrial } from './trial.js';

const HOUR = 3_600_000;

/** Outcomes of tasks. */
export function resultCases(refused: TaskResult | undefined): StoreCase<ResultStore>[] {
  return [
    {
      name: 'results: what is saved is found as it was saved',
      async run(trial) {
        const store = await trial.open();
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
        const cause = { name: 'Error', message: '漢字🙂', at: 1, attempt: 1 };
        const full: TaskResult = {
          ...result(trial, 'full'),
          status: 'dead',
          error: { name: 'TypeError', message: 'it\'s "bad"\n', code: 'E_BAD', stack: 'at x', cause },
          reason: 'failed 3 times',
          args: bytes,
          value: new Uint8Array(0),
          unserializable: true,
          expiresAt: trial.clock.now() + HOUR,
        };
        const plain = result(trial, 'plain');
        assert.deepEqual(await store.save([full, plain]), []);
        const other = await trial.reach(store);
        same(await other.find(full.id), full);
        same(await other.find(plain.id), plain);
        assert.equal(await other.find(trial.name('unknown')), undefined);
      },
    },
    {
      name: 'results: a later result of a task replaces the earlier one, also within one call',
      async run(trial) {
        const store = await trial.open();
        const first = result(trial, 't', { status: 'retrying', reason: 'first', args: Buffer.from('a') });
        const second = result(trial, 't', { status: 'done', attempts: 2, finishedAt: first.finishedAt + 5 });
        await store.save([first]);
        await store.save([second]);
        same(await store.find(first.id), second);
        await store.save([result(trial, 'u', { attempts: 1 }), result(trial, 'u', { attempts: 2 })]);
        assert.equal((await store.find(trial.name('u')))?.attempts, 2);
        assert.equal((await ids(trial, store, {})).length, 2);
      },
    },
    {
      name: 'results: of several results of a task the one that finished last stays, whatever the order of writing',
      async run(trial) {
        const store = await trial.open();
        const first = result(trial, 't', { status: 'retrying' });
        const last = result(trial, 't', { status: 'done', attempts: 2, finishedAt: first.finishedAt + 5 });
        await store.save([last]);
        assert.deepEqual(await store.save([first]), []);
        same(await store.find(first.id), last);
        const [early, late] = [first, last].map((each) => ({ ...each, id: trial.name('u') }));
        assert.deepEqual(await store.save([late!, early!]), []);
        same(await store.find(late!.id), late!);
        assert.deepEqual(await ids(trial, store, { status: 'retrying' }), []);
      },
    },
    {
      name: 'results: a page that can not be is refused, with the option named',
      async run(trial) {
        const store = await trial.open();
        for (const wrong of [{ limit: -1 }, { limit: 2.5 }, { skip: -1 }, { skip: Number.NaN }]) {
          const asking = (async () => store.query(wrong))();
          await assert.rejects(asking, new RegExp(Object.keys(wrong)[0]!));
        }
        assert.deepEqual(await store.query({ limit: 0 }), []);
      },
    },
    {
      name: 'results: queries choose by queue, status and time, newest first',
      async run(trial) {
        const store = await trial.open();
        const base = trial.clock.now();
        const at = (seconds: number): { finishedAt: number } => ({ finishedAt: base + seconds * 1000 });
        await store.save([
          result(trial, 'b', { ...at(2), status: 'dead' }),
          result(trial, 'd', at(4)),
          result(trial, 'a', at(1)),
          result(trial, 'c', { ...at(3), status: 'dead' }),
          result(trial, 'elsewhere', { ...at(5), queue: trial.name('other') }),
        ]);
        const expectations: [ResultQuery, string][] = [
          [{}, 'dcba'],
          [{ status: 'dead' }, 'cb'],
          [{ status: 'filtered' }, ''],
          [{ from: base + 2000 }, 'dcb'],
          [{ until: base + 3000 }, 'ba'],
          [{ from: base + 2000, until: base + 4000 }, 'cb'],
          [{ from: base + 2001, until: base + 4000, status: 'dead' }, 'c'],
          [{ limit: 2 }, 'dc'],
          [{ skip: 1 }, 'cba'],
          [{ skip: 1, limit: 2 }, 'cb'],
          [{ skip: 4 }, ''],
        ];
        for (const [query, expected] of expectations) {
          assert.equal((await ids(trial, store, query)).join(''), expected, JSON.stringify(query));
        }
        const everywhere = await store.query({ from: base + 5000, until: base + 5001, limit: 1000 });
        assert.ok(
          everywhere.some(({ id }) => id === trial.name('elsewhere')),
          'without a queue, those of every queue',
        );
      },
    },
    {
      name: 'results: 1,500 at once; 100 by default and at most 1,000 come back',
      async run(trial) {
        const store = await trial.open();
        const base = trial.clock.now();
        const all = Array.from({ length: 1500 }, (_, index) => result(trial, `${index}`, { finishedAt: base + index }));
        assert.deepEqual(await store.save(all), []);
        const expected = Array.from({ length: 1500 }, (_, index) => `${1499 - index}`);
        assert.deepEqual(await ids(trial, store, {}), expected.slice(0, 100));
        assert.deepEqual(await ids(trial, store, { limit: 5000 }), expected.slice(0, 1000));
        assert.deepEqual(await ids(trial, store, { limit: 1000, skip: 1400 }), expected.slice(1400));
      },
    },
    {
      name: 'results: an expired record is never returned',
      async run(trial) {
        const store = await trial.open();
        const term = 800;
        await store.save([result(trial, 'short', { expiresAt: trial.clock.now() + term }), result(trial, 'lasting')]);
        await trial.almost(term);
        assert.equal((await ids(trial, store, {})).length, 2);
        await trial.rest(term);
        assert.deepEqual(await ids(trial, store, {}), ['lasting']);
        assert.equal(await store.find(trial.name('short')), undefined);
        await store.save([result(trial, 'past', { expiresAt: trial.clock.now() - 1 })]);
        assert.equal(await store.find(trial.name('past')), undefined);
      },
    },
    {
      name: 'results: nothing to save is nothing',
      async run(trial) {
        assert.deepEqual(await (await trial.open()).save([]), []);
      },
    },
    {
      name: 'results: saves at once all count',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const saving = Array.from({ length: 40 }, (_, index) =>
          (index % 2 ? store : other).save([result(trial, `${index}`)]),
        );
        assert.deepEqual((await Promise.all(saving)).flat(), []);
        assert.equal((await ids(trial, store, {})).length, 40);
      },
    },
    {
      name: 'results: a bad record is named and does not hold up the others',
      skip: !refused && 'no refused record was given',
      async run(trial) {
        const store = await trial.open();
        const failures = await store.save([result(trial, 'before'), refused!, result(trial, 'after')]);
        assert.deepEqual(
          failures.map(({ index }) => index),
          [1],
        );
        assert.ok(failures[0]?.error instanceof Error, 'a failure carries its reason');
        assert.deepEqual((await ids(trial, store, {})).toSorted(), ['after', 'before']);
      },
    },
  ];
}

/** A record of this case. */
export function result(trial: StoreTrial<ResultStore>, id: string, more: Partial<TaskResult> = {}): TaskResult {
  const finishedAt = trial.clock.now();
  const times = { publishedAt: finishedAt - 20, startedAt: finishedAt - 10, finishedAt };
  const what = { id: trial.name(id), queue: trial.name(), status: 'done', attempts: 1 } as const;
  return { ...what, ...times, host: 'host-é', pid: 4711, ...more };
}

/** The ids of this case's records that a query finds, in its order. */
export async function ids(trial: StoreTrial<ResultStore>, store: ResultStore, query: ResultQuery): Promise<string[]> {
  const found = await store.query({ queue: trial.name(), ...query });
  return found.map(({ id }) => id.slice(trial.name().length));
}

/** Bytes may come back as another kind of `Uint8Array`, absent fields as `undefined`. */
export function same(found: TaskResult | undefined, expected: TaskResult): void {
  const plain = (record: TaskResult): object =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]: [string, unknown]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]),
    );
  assert.ok(found, `${expected.id} was not found`);
  assert.deepEqual(plain(found), plain(expected));
}
