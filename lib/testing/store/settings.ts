import assert from 'node:assert/strict';
import type { CoordinationStore } from '../../contracts/stores.js';
import type { StoreCase } from './trial.js';

/** What users change while processes run. */
export function settingsCases(): StoreCase<CoordinationStore>[] {
  return [
    {
      name: 'settings: what is set is read, whatever its characters, also by others',
      async run(trial) {
        const store = await trial.open();
        const texts = ['', 'x', 'naïve 漢字 🎉', "it's; DROP TABLE", 'a\0b', '{"rate":30}', 'x'.repeat(10_000)];
        const kept = new Map(texts.map((text, n) => [trial.name(`/${n}%_*${text.slice(0, 100)}`), text]));
        for (const [key, value] of kept) await store.set(key, value);
        assert.deepEqual(sorted(await (await trial.reach(store)).settings(trial.name('/'))), sorted(kept));
      },
    },
    {
      name: 'settings: a later value replaces an earlier one, and undefined removes it',
      async run(trial) {
        const store = await trial.open();
        for (const value of ['1', '2']) await store.set(trial.name('a'), value);
        await store.set(trial.name('b'), 'other');
        await store.set(trial.name('b'), undefined);
        await store.set(trial.name('never'), undefined);
        assert.deepEqual([...(await store.settings(trial.name()))], [[trial.name('a'), '2']]);
      },
    },
    {
      name: 'settings: only keys with the prefix are listed, capitals told apart, and no sign stands for another',
      async run(trial) {
        const store = await trial.open();
        const keys = ['rate/a', 'rate/b', 'Rate/c', 'rates/d', 'rat', 'other', 'a_%*?[b]\\/e', 'aXX%*?[b]\\/f'];
        for (const key of keys) await store.set(trial.name(key), key);
        for (const [prefix, expected] of Object.entries({ 'rate/': ['rate/a', 'rate/b'], 'a_%*?[b]\\/': [keys[6]!] })) {
          const found = await store.settings(trial.name(prefix));
          assert.deepEqual([...found.values()].toSorted(), expected);
        }
      },
    },
    {
      name: 'settings: stay, however long ago they were set',
      async run(trial) {
        const store = await trial.open();
        await store.set(trial.name(), 'kept');
        await trial.pass(trial.facts.followsClock ? 10 * 365 * 86_400_000 : 500);
        assert.equal((await store.settings(trial.name())).get(trial.name()), 'kept');
      },
    },
  ];
}

function sorted(map: ReadonlyMap<string, string>): (readonly [string, string])[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
