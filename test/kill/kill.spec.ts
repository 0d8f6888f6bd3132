import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fleet } from './fleet.js';

/** Small and seeded, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

const LIMIT = 120_000;

describe('consumers that are killed', () => {
  let fleet: Fleet;
  beforeEach(async () => {
    fleet = await new Fleet().open();
  });
  afterEach(() => fleet.close());

  it('again and again, lose nothing, and repeat at most what they had in hand', { timeout: LIMIT }, async () => {
    const seed = Number(process.env['FUNQ_SEED'] ?? process.pid);
    const next = random(seed);
    const ids = Array.from({ length: 3000 }, (_, n) => `job-${n}`);
    await fleet.publish(ids.map((id) => [id, Math.floor(next() * 20)]));
    const children = [await fleet.start(), await fleet.start()];
    let inHand = 0;
    for (let kill = 0; kill < 10; kill++) {
      const target = Math.floor(ids.length * ((kill + next()) / 11));
      await fleet.until(() => fleet.counts('end').size >= target);
      const victim = children[kill % 2]!;
      await fleet.kill(victim);
      inHand += inHandOf(fleet, victim.pid!);
      children[kill % 2] = await fleet.start();
    }
    await fleet.until(() => fleet.counts('end').size === ids.length);
    await fleet.until(async () => (await fleet.broker.count!('jobs')) === 0);
    const starts = [...fleet.counts('start').values()].reduce((sum, count) => sum + count, 0);
    expect(fleet.counts('end').size, `seed ${seed}`).toBe(ids.length);
    expect(starts - ids.length, `seed ${seed}: runs beyond the first`).toBeLessThanOrEqual(inHand);
    expect(await fleet.deadLetters()).toEqual([]);
  });

  it.each(['claim', 'ack'])('between %s and what follows, lose nothing', { timeout: LIMIT }, async (dieAt) => {
    const ids = Array.from({ length: 40 }, (_, n) => `job-${n}`);
    await fleet.publish(ids.map((id) => [id, 0]));
    for (let death = 0; death < 4; death++) {
      expect(await fleet.ended(await fleet.start({ dieAt, options: { maxDeliveries: 20 } }))).toBe('SIGKILL');
    }
    const survivor = await fleet.start({ options: { maxDeliveries: 20 } });
    await fleet.until(() => fleet.counts('end').size === ids.length);
    await fleet.until(async () => (await fleet.broker.count!('jobs')) === 0);
    expect(await fleet.kill(survivor, 'SIGTERM')).not.toBe('SIGKILL');
    expect(await fleet.deadLetters()).toEqual([]);
  });

  it('by one poisonous task, put it away after five deaths and do all the others', { timeout: LIMIT }, async () => {
    const ids = Array.from({ length: 500 }, (_, n) => (n === 100 ? 'poison' : `job-${n}`));
    await fleet.publish(ids.map((id) => [id, 2]));
    let deaths = 0;
    for (;;) {
      const child = await fleet.start();
      const died = fleet.ended(child).then(() => true);
      const done = fleet.until(() => fleet.counts('end').size === 499).then(() => false);
      if (!(await Promise.race([died, done.catch(() => died)]))) break;
      deaths++;
      expect(deaths).toBeLessThanOrEqual(5);
    }
    await fleet.until(async () => (await fleet.broker.count!('jobs.dead')) === 1);
    expect(deaths).toBe(5);
    expect(fleet.counts('start').get('poison')).toBe(5);
    expect(await fleet.deadLetters()).toMatchObject([{ code: 'poison', envelope: { args: ['poison', 2] } }]);
  });

  it(
    'by SIGTERM, again and again, lose nothing and repeat nothing; their tasks publish while draining',
    { timeout: LIMIT },
    async () => {
      const ids = Array.from({ length: 400 }, (_, n) => `job-${n}`);
      await fleet.publish(ids.map((id, n) => [id, (n * 37) % 300]));
      const children = [await fleet.start({ follow: true }), await fleet.start({ follow: true })];
      for (let stop = 0; stop < 6; stop++) {
        const target = Math.floor((ids.length * stop) / 7);
        await fleet.until(() => fleet.counts('end').size >= target);
        expect(await fleet.kill(children[stop % 2]!, 'SIGTERM')).toSatisfy((end) => end === 0 || end === 'SIGTERM');
        children[stop % 2] = await fleet.start({ follow: true });
      }
      await fleet.until(() => fleet.counts('follow').size === ids.length);
      expect([...fleet.counts('start').values()].filter((count) => count > 1)).toEqual([]);
      expect([...fleet.counts('follow').values()].filter((count) => count > 1)).toEqual([]);
      expect(fleet.counts('end').size).toBe(ids.length);
    },
  );
});

/** What a dead process had started and not ended. */
function inHandOf(fleet: Fleet, pid: number): number {
  const own = fleet.ledger().filter((entry) => entry.pid === pid);
  const ended = new Set(own.filter(({ kind }) => kind === 'end').map(({ id }) => id));
  // What had ended may not have been acknowledged yet: it was in hand, too.
  const recent = own.filter(({ kind }) => kind === 'end').slice(-16).length;
  return own.filter(({ kind, id }) => kind === 'start' && !ended.has(id)).length + recent;
}
