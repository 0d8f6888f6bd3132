import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkerReport } from '../../lib/contracts/stores.js';
import { Shares } from '../../lib/core/rates/shares.js';

const QUEUE = 'default/jobs';

/** Processes that look at the same reports, one step of one process at a time. */
class World {
  readonly reports = new Map<string, WorkerReport>();
  readonly processes = new Map<string, { readonly shares: Shares; step: number }>();
  #names = 0;

  join(): void {
    this.processes.set(`${this.#names++}`, { shares: new Shares([QUEUE]), step: 0 });
  }

  /** The next step of a process: it announces, looks, announces what is new. */
  act(index: number): void {
    const entry = [...this.processes][index % Math.max(1, this.processes.size)];
    if (!entry) return;
    const [id, process] = entry;
    if (process.step === 1) {
      const others = [...this.reports.values()].filter((report) => report.id !== id);
      process.step = process.shares.look(others) ? 2 : 0;
      return;
    }
    this.reports.set(id, report(id, process.shares.announced));
    process.step = process.step === 0 ? 1 : 0;
  }

  /** A process ends; its report stays, as after a kill, until {@link forget}. */
  die(index: number): void {
    const id = [...this.processes.keys()][index % Math.max(1, this.processes.size)];
    if (id !== undefined) this.processes.delete(id);
  }

  forget(): void {
    for (const id of this.reports.keys()) if (!this.processes.has(id)) this.reports.delete(id);
  }

  /** What all that start tasks use of the limit. */
  get used(): number {
    const parts = [...this.processes.values()].map(({ shares }) => shares.partsOf(QUEUE));
    return parts.reduce<number>((sum, count) => sum + (count === undefined ? 0 : 1 / count), 0);
  }

  settle(): void {
    for (let round = 0; round < 40; round++) for (let index = 0; index < this.processes.size; index++) this.act(index);
  }
}

function report(id: string, parts: Readonly<Record<string, number>>): WorkerReport {
  return { id, host: 'host', pid: 1, startedAt: 0, consumers: { [QUEUE]: '' }, parts };
}

describe('the parts of a split limit', () => {
  it('are never more than the whole, and come to the whole, whoever joins, dies and looks in whatever order', () => {
    const step = fc.oneof(
      { weight: 1, arbitrary: fc.constant({ do: 'join' as const, index: 0 }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), index: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.constant({ do: 'forget' as const, index: 0 }) },
      { weight: 12, arbitrary: fc.record({ do: fc.constant('act' as const), index: fc.nat(5) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
        const world = new World();
        world.join();
        for (const { do: what, index } of steps) {
          if (what !== 'join' || world.processes.size < 6) world[what](index);
          expect(world.used).toBeLessThanOrEqual(1 + 1e-9);
        }
        world.forget();
        world.settle();
        expect(world.used).toBeCloseTo(world.processes.size > 0 ? 1 : 0, 9);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });

  it('leave a newcomer without a start until everybody has made room', () => {
    const [old, fresh] = [new Shares([QUEUE]), new Shares([QUEUE])];
    old.look([]);
    expect(old.partsOf(QUEUE)).toBe(1);
    fresh.look([report('old', old.announced)]);
    expect(fresh.partsOf(QUEUE)).toBeUndefined();
    expect(old.look([report('fresh', fresh.announced)])).toBe(true);
    fresh.look([report('old', old.announced)]);
    expect([old.partsOf(QUEUE), fresh.partsOf(QUEUE)]).toEqual([2, 2]);
  });

  it('do not grow for one look that missed somebody', () => {
    const shares = new Shares([QUEUE]);
    const other = report('other', { [QUEUE]: 2 });
    for (let look = 0; look < 3; look++) shares.look([other]);
    const parts = [[], [], [], []].map((others) => {
      shares.look(others);
      return shares.partsOf(QUEUE);
    });
    expect(parts).toEqual([2, 2, 2, 1]);
  });

  it('count only those who consume the same, and those of older versions as they are', () => {
    const shares = new Shares([QUEUE]);
    const { parts: _parts, ...older } = report('older', {});
    shares.look([{ ...report('x', {}), consumers: { 'default/others': '' } }, older]);
    expect(shares.partsOf(QUEUE)).toBe(2);
  });

  it('are lost by a process that stood still, until it is let in again', () => {
    const shares = new Shares([QUEUE]);
    shares.look([]);
    shares.forfeit();
    expect([shares.partsOf(QUEUE), shares.admitted]).toEqual([undefined, false]);
    shares.look([report('other', { [QUEUE]: 1 })]);
    expect(shares.partsOf(QUEUE)).toBeUndefined();
    shares.look([report('other', { [QUEUE]: 2 })]);
    expect(shares.partsOf(QUEUE)).toBe(2);
  });
});
