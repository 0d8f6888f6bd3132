import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { COUNTED, Tally } from '../../lib/core/counters/tally.js';

const DONE = COUNTED.indexOf('done');
const FAILED = COUNTED.indexOf('failed');

describe('a tally', () => {
  it('shows a second from the moment it is over, and drops it exactly ten and sixty seconds later', async () => {
    const clock = new ManualClock();
    const tally = new Tally(clock);
    await clock.advance(999);
    tally.add(DONE, 1);
    const seen = (): number[] => [tally.last(10).done, tally.last(60).done];
    expect(seen()).toEqual([0, 0]);
    await clock.advance(1);
    expect(seen()).toEqual([1, 1]);
    await clock.advance(9999);
    expect(seen()).toEqual([1, 1]);
    await clock.advance(1);
    expect(seen()).toEqual([0, 1]);
    await clock.advance(49_999);
    expect(seen()).toEqual([0, 1]);
    await clock.advance(1);
    expect(seen()).toEqual([0, 0]);
    expect(tally.total.done).toBe(1);
  });

  it('tells the rate of what ended for good, and of a young process by its age', async () => {
    const clock = new ManualClock();
    await clock.advance(500);
    const tally = new Tally(clock);
    const ends = ['done', 'filtered', 'expired', 'discarded', 'dead'] as const;
    for (const name of COUNTED) tally.add(COUNTED.indexOf(name), 2);
    await clock.advance(500);
    expect(tally.last(10)).toMatchObject({ seconds: 1, rate: 2 * ends.length });
    await clock.advance(4000);
    expect(tally.last(10)).toMatchObject({ seconds: 4.5, rate: (2 * ends.length) / 4.5 });
    await clock.advance(6000);
    expect([tally.last(10).rate, tally.last(60).rate]).toEqual([0, (2 * ends.length) / 10.5]);
    await clock.advance(49_000);
    expect(tally.last(60)).toMatchObject({ seconds: 59.5, rate: (2 * ends.length) / 59.5 });
    await clock.advance(1000);
    expect(tally.last(60)).toMatchObject({ seconds: 60, rate: 0 });
  });

  it('tells how long tasks took on average, of those in the window, and never less than nothing', async () => {
    const clock = new ManualClock();
    const tally = new Tally(clock);
    for (const ms of [100, 300, -3_600_000]) tally.done(ms);
    await clock.advance(30_000);
    expect(tally.last(10).duration).toBeUndefined();
    expect(tally.last(60).duration).toBeCloseTo(400 / 3);
    tally.done(50);
    await clock.advance(1000);
    expect(tally.last(10).duration).toBe(50);
  });

  it('equals a list of what was counted, in total and in every window, whatever the pauses', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(0, 1, 400, 999, 1000, 9500, 60_000, 61_000, 200_000), fc.nat(3)), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(5000), steps, async (start, list) => {
        const clock = new ManualClock();
        await clock.advance(start);
        const tally = new Tally(clock);
        const book: number[] = [];
        for (const [pause, failures] of list) {
          await clock.advance(pause);
          if (failures > 0) tally.add(FAILED, failures);
          for (let n = 0; n < failures; n++) book.push(clock.monotonic());
          const second = Math.floor(clock.monotonic() / 1000) * 1000;
          for (const seconds of [1, 10, 60]) {
            const within = book.filter((at) => at >= second - seconds * 1000 && at < second);
            expect(tally.last(seconds).failed).toBe(within.length);
          }
          expect(tally.total.failed).toBe(book.length);
        }
      }),
      { numRuns: 30 },
    );
  });
});
