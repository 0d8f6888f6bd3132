import { expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { Reserve } from '../../lib/brokers/postgres/reserve.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A reserve over the numbers from 0 on, of which `left` are there; notes what goes back. */
function reserved(left = 1000) {
  const clock = new ManualClock();
  const state = { next: 0, left, gone: new Set<number>(), back: [] as number[][], failing: false };
  const fetch = (max: number): Promise<number[]> => {
    if (state.failing) return Promise.reject(new Error('away'));
    const count = Math.min(max, state.left - state.next);
    return Promise.resolve(Array.from({ length: count }, () => state.next++));
  };
  const reserve = new Reserve<number>(clock, {
    most: 250,
    fetch,
    holds: (item) => !state.gone.has(item),
    giveBack: async (items) => {
      if (state.failing) throw new Error('away');
      state.back.push([...items]);
    },
  });
  return { clock, state, reserve, take: (max: number) => reserve.receive(max, () => fetch(max)) };
}

/** Two batches in a row: the third is fetched ahead. */
async function hurried(max: number, left?: number) {
  const all = reserved(left);
  await all.take(max);
  await all.take(max);
  await turn();
  return all;
}

it('fetches the next batch ahead while full ones are worked off at once', async () => {
  const { state, take } = await hurried(100);
  expect(state.next).toBe(300);
  const taken = await take(100);
  expect(taken[0]).toBe(200);
  expect(taken).toHaveLength(100);
});

it('fetches nothing ahead for who takes his time, or takes few, or after a batch that was not full', async () => {
  const slow = reserved();
  await slow.take(100);
  await slow.clock.advance(20);
  await slow.take(100);
  const few = await hurried(19);
  const last = await hurried(100, 150);
  expect([slow.state.next, few.state.next, last.state.next]).toEqual([200, 38, 150]);
});

it('hands out the rest before it fetches more', async () => {
  const { state, take } = await hurried(100);
  expect(await take(30)).toHaveLength(30);
  expect(await take(100)).toHaveLength(70);
  expect(state.next).toBe(300);
});

it('gives back what nobody asks for', async () => {
  const { clock, state, take } = await hurried(20);
  await clock.advance(400);
  expect(state.back.flat()).toHaveLength(20);
  expect(await take(1)).toEqual([60]);
});

it('gives back again what could not be given back, and does not hand it out meanwhile: others may have it', async () => {
  const { clock, state, take } = await hurried(20);
  state.failing = true;
  await clock.advance(400);
  expect(state.back).toEqual([]);
  state.failing = false;
  expect(await take(1)).toEqual([60]);
  await clock.advance(1000);
  expect(state.back.flat()).toEqual(Array.from({ length: 20 }, (_, n) => 40 + n));
});

it('hands out nothing that is no longer ours', async () => {
  const { state, take } = await hurried(20);
  for (let item = 40; item < 60; item++) state.gone.add(item);
  expect(await take(1)).toEqual([60]);
});

it('lets whoever asks next hear why nothing could be fetched', async () => {
  const { state, take } = reserved();
  await take(20);
  const fetched = take(20);
  state.failing = true;
  await fetched;
  await expect(take(20)).rejects.toThrow('away');
});

it('neither keeps nor gives back anything once it is stopped', async () => {
  const { clock, state, reserve } = await hurried(20);
  reserve.stop();
  await clock.advance(400);
  expect(state.back).toEqual([]);
});
