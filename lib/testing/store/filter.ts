import assert from 'node:assert/strict';
import type { CoordinationStore, FilterClaim } from '../../contracts/stores.js';
import type { StoreCase } from './trial.js';

/** A lease and a TTL; on a real clock these are waited for. */
const LEASE = 600;
const TTL = 800;
/** Longer than any case. */
const LONG = 60_000;
const YEARS = 10 * 365 * 86_400_000;

/** Which call was executed, and which is being executed. */
export function filterCases(followsClock: boolean): StoreCase<CoordinationStore>[] {
  return [
    {
      name: 'filter: a claimed key is running for others, and its owner renews it',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const key = trial.name();
        assert.equal(await stateOf(store.claim(key, 'a', LEASE)), 'claimed');
        assert.equal(await stateOf(other.claim(key, 'b', LONG)), 'running');
        await trial.almost(LEASE);
        assert.equal(await stateOf(store.claim(key, 'a', LEASE)), 'claimed', 'renewed');
        await trial.almost(LEASE);
        assert.equal(
          await stateOf(other.claim(key, 'b', LONG)),
          'running',
          'the renewed lease counts from the renewal',
        );
      },
    },
    {
      name: 'filter: a claim whose lease ran out may be taken, not a millisecond earlier',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        await store.claim(key, 'a', LEASE);
        await trial.almost(LEASE);
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'running');
        await trial.rest(LEASE);
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'claimed');
        assert.equal(await stateOf(store.claim(key, 'a', LONG)), 'running');
      },
    },
    {
      name: 'filter: a confirmed key is done for everybody, for its TTL to the millisecond',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const key = trial.name();
        await store.claim(key, 'a', LONG);
        await trial.pass(300);
        assert.equal(await store.confirm(key, 'a', TTL), true);
        const again = await store.claim(key, 'a', LONG);
        assert.equal(again.state === 'done' && again.own, true, 'done also for the one that confirmed, who is told so');
        const claim = await other.claim(key, 'b', LONG);
        assert.equal(claim.state === 'done' && claim.own, false, 'and not for others');
        await trial.almost(TTL);
        assert.equal(await stateOf(other.claim(key, 'b', LONG)), 'done', 'the TTL counts from the confirmation');
        await trial.rest(TTL);
        assert.equal(await stateOf(other.claim(key, 'b', LONG)), 'claimed', 'the TTL is over');
      },
    },
    {
      name: 'filter: without a TTL a confirmed key is done for ever',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        await store.claim(key, 'a', 100);
        await store.confirm(key, 'a');
        await trial.pass(followsClock ? YEARS : 300);
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'done');
      },
    },
    {
      name: 'filter: values come back byte for byte',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
        for (const value of [undefined, new Uint8Array(0), bytes, Buffer.alloc(100_000, bytes)]) {
          const key = trial.name(`${value?.length}`);
          await store.claim(key, 'a', LONG);
          await store.confirm(key, 'a', LONG, value);
          const claim = await other.claim(key, 'b', LONG);
          assert.equal(claim.state, 'done');
          const found = claim.state === 'done' ? claim.value : undefined;
          assert.deepEqual(found && Buffer.from(found), value && Buffer.from(value));
        }
      },
    },
    {
      name: 'filter: a released key may be claimed, and only its holder can release it',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        await store.claim(key, 'a', LONG);
        await store.release(key, 'b');
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'running', 'b does not hold it');
        await store.release(key, 'a');
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'claimed');
        await store.confirm(key, 'b', LONG);
        await store.release(key, 'b');
        assert.equal(
          await stateOf(store.claim(key, 'c', LONG)),
          'done',
          'a late release does not undo what was executed',
        );
        await store.release(trial.name('unknown'), 'a');
      },
    },
    {
      name: 'filter: who lost the claim can neither confirm nor release it',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        await store.claim(key, 'a', LEASE);
        await trial.almost(LEASE);
        await trial.rest(LEASE);
        await store.claim(key, 'b', LONG);
        assert.equal(await store.confirm(key, 'a', LONG, Buffer.from('a')), false);
        await store.release(key, 'a');
        assert.equal(await stateOf(store.claim(key, 'c', LONG)), 'running');
        assert.equal(await store.confirm(key, 'b', LONG, Buffer.from('b')), true);
        assert.equal(await store.confirm(key, 'a', LONG, Buffer.from('a')), false, 'nor after the new owner confirmed');
        const claim = await store.claim(key, 'c', LONG);
        assert.equal(claim.state === 'done' && Buffer.from(claim.value ?? []).toString(), 'b');
      },
    },
    {
      name: 'filter: a claim that ran out and that nobody took can still be confirmed',
      async run(trial) {
        const store = await trial.open();
        const key = trial.name();
        await store.claim(key, 'a', LEASE);
        await trial.almost(LEASE);
        await trial.rest(LEASE);
        assert.equal(await store.confirm(key, 'a', LONG), true);
        assert.equal(await stateOf(store.claim(key, 'b', LONG)), 'done');
      },
    },
    {
      name: 'filter: of fifty claims at once exactly one wins',
      async run(trial) {
        const store = await trial.open();
        const other = await trial.reach(store);
        for (let round = 0; round < 10; round++) {
          const key = trial.name(`${round}`);
          const owners = Array.from({ length: 50 }, (_, index) => `owner ${index}`);
          const claims = owners.map((owner, index) => stateOf((index % 2 ? store : other).claim(key, owner, LONG)));
          assert.equal((await Promise.all(claims)).filter((state) => state === 'claimed').length, 1);
        }
      },
    },
    {
      name: 'filter: keys do not see each other, however odd or long',
      async run(trial) {
        const store = await trial.open();
        const odd = [
          '',
          'k',
          'K',
          'k ',
          "it's",
          '"%_*',
          '漢字🙂',
          '__proto__',
          'x'.repeat(2000),
          'x'.repeat(1999),
          'é',
          'e\u0301',
        ];
        const keys = [...odd, ...Array.from({ length: 500 }, (_, index) => `${index}`)].map((key) => trial.name(key));
        const first = await Promise.all(keys.map((key, index) => stateOf(store.claim(key, `owner ${index}`, LONG))));
        assert.deepEqual(new Set(first), new Set(['claimed']));
        const second = await Promise.all(keys.map((key) => stateOf(store.claim(key, 'b', LONG))));
        assert.deepEqual(new Set(second), new Set(['running']));
      },
    },
  ];
}

const stateOf = async (claim: Promise<FilterClaim>): Promise<FilterClaim['state']> => (await claim).state;
