import { describe, expect, it } from 'vitest';
import { timeLeft, type Level } from '../../lib/core/counters/time-left.js';

/** Levels at these seconds. */
function levels(...pairs: (readonly [second: number, remaining: number])[]): Level[] {
  return pairs.map(([second, remaining]) => ({ at: second * 1000, remaining }));
}

function left(rate: number, ...pairs: (readonly [second: number, remaining: number])[]): unknown {
  const all = levels(...pairs);
  return timeLeft(all.at(-1)!, all.slice(0, -1), rate);
}

describe('the time left', () => {
  it('is none when nothing remains, whatever was before', () => {
    expect([left(0, [0, 0]), left(9, [0, 50], [20, 0])]).toEqual([0, 0]);
  });

  it('counts on nothing more as long as the inflow is unknown', () => {
    expect(left(20, [0, 1000])).toBe(50_000);
    expect(left(20, [0, 1000], [9.9, 1500])).toBe(75_000);
  });

  it('is unknown when nothing moves', () => {
    expect([left(0, [0, 10]), left(0, [0, 10], [20, 10])]).toEqual([undefined, undefined]);
  });

  it('follows what remains, net of the inflow, whoever ends and whoever publishes', () => {
    // 100/s end and 60/s come in: 40/s less.
    expect(left(100, [0, 4400], [10, 4000])).toBe(100_000);
    // Others, of whom nothing is known, do the work.
    expect(left(0, [0, 4400], [10, 4000])).toBe(100_000);
  });

  it('is never when it grows or stays although tasks end', () => {
    expect([left(5, [0, 100], [10, 300]), left(5, [0, 100], [10, 100])]).toEqual(['growing', 'growing']);
    expect(left(0, [0, 100], [10, 300])).toBe('growing');
  });

  it('does not take work that came after a rest for a queue that grows', () => {
    expect(left(10, [0, 0], [20, 800])).toBe(80_000);
    expect(left(10, [0, 0], [20, 800], [30, 900])).toBe('growing');
  });

  it('forgets a burst after ten seconds, and sees a slow queue move over ninety', () => {
    expect(left(100, [0, 1], [20, 9000], [30, 8000])).toBe(80_000);
    // One task in twelve seconds: no comparison of ten seconds would tell.
    expect(left(1 / 12, [0, 36], [12, 35], [24, 34], [36, 33], [38, 33], [48, 33])).toBe((33 / 3) * 48_000);
    expect(left(1, [0, 100], [90.001, 50])).toBe(50_000);
    expect(left(1, [0, 100], [90, 55])).toBe((55 / 45) * 90_000);
  });
});
