import { describe, expect, it } from 'vitest';
import { growthOf, type Sample } from '../../chaos/soak/samples.js';
import { median, trendOf } from '../../chaos/soak/trend.js';
import { breachesOf, type Outcome } from '../../chaos/soak/verdict.js';

/** A process that grows by so many MB an hour, looked at each minute of half an hour; hot for the first six. */
function samples(slope: number, handles: (minute: number) => Record<string, number> = () => ({})): Sample[] {
  return Array.from({ length: 30 }, (_, minute) => {
    const at = minute / 60;
    const wobble = minute % 2 === 0 ? 0.5 : -0.5;
    const size = 100 + slope * at + wobble + (minute < 6 ? minute * 10 : 60);
    return { at, done: minute, rss: size, heap: 20, disk: 1, handles: handles(minute) };
  });
}

const WARM_UP = 0.1;
const outcome = (all: readonly Sample[], more: Partial<Outcome> = {}): string[] =>
  breachesOf({ minutes: 30, published: 9, ended: 9, faults: 0, errors: [], growth: growthOf(all, WARM_UP), ...more });

describe('the growth of a soaked process', () => {
  it('is the slope of the straight line through what was measured', () => {
    const { slope, error } = trendOf([[0, 1], [1, 3], [2, 5]]); // prettier-ignore
    expect(slope).toBeCloseTo(2);
    expect(error).toBeCloseTo(0);
    expect(trendOf([[0, 1], [1, 3]]).error).toBe(Infinity); // prettier-ignore
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('leaves the warm-up out', () => {
    expect(growthOf(samples(3), WARM_UP).rss.slope).toBeCloseTo(3, 0);
    expect(growthOf(samples(3), 0).rss.slope).toBeGreaterThan(50);
  });

  it('is refused when memory grows, and not for noise', () => {
    expect(outcome(samples(0))).toEqual([]);
    expect(outcome(samples(30))).toEqual([expect.stringContaining('rss grows by')]);
    expect(outcome(samples(30), { minutes: 5 })).toEqual([]);
  });

  it('is refused when handles stay open, and not for timers of tasks in flight', () => {
    expect(outcome(samples(0, (minute) => ({ Timeout: minute % 5, FSReqCallback: minute % 2 })))).toEqual([]);
    expect(outcome(samples(0, (minute) => ({ TCPSocketWrap: minute })))).toEqual(['18 more handles are open']);
    expect(outcome(samples(0, (minute) => ({ Timeout: minute })))).toEqual(['18 more timers and requests are pending']);
  });

  it('does not excuse a task that did not end, a fault or a failed call', () => {
    expect(outcome(samples(0), { ended: 8 })).toEqual(['9 tasks were published and 8 ended']);
    expect(outcome(samples(0), { faults: 1, errors: ['asked: late'] })).toEqual([
      'the engine reported 1 faults',
      '1 calls failed, the first with asked: late',
    ]);
  });
});
