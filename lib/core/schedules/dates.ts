import type { SchedulePolicy, ScheduleTimes } from '../../contracts/schedule.js';
import { cronDates } from './cron.js';

/** A series of moments, the same for everybody who computes it. Milliseconds since the epoch. */
export interface Dates {
  /** The first one after `time`. */
  after(time: number): number | undefined;
  /** Up to `count` of the latest that are not after `time`, oldest first. */
  latest(count: number, time: number): readonly number[];
}

/** The moments of a schedule. One that counts `times` without a `from` counts them from `since`. */
export function datesOf({ when, from, until, times }: SchedulePolicy, since: number): Dates {
  const dates = seriesOf(when, from);
  const counted = from !== undefined ? from - 1 : 'at' in when ? -Infinity : since;
  const first = from ?? -Infinity;
  const last = Math.min(until ?? Infinity, times === undefined ? Infinity : nth(dates, times, counted));
  return {
    after(time) {
      const found = dates.after(Math.max(time, first - 1));
      return found !== undefined && found <= last ? found : undefined;
    },
    latest: (count, time) => dates.latest(count, Math.min(time, last)).filter((date) => date >= first),
  };
}

/** The `n`-th moment after `time`, n from 1; `Infinity` where there are not so many. */
export function nth(dates: Dates, n: number, time: number): number {
  let found: number | undefined = time;
  for (let left = n; left > 0 && found !== undefined; left--) found = dates.after(found);
  return found ?? Infinity;
}

/** Up to `count` moments after `time`. */
export function following(dates: Dates, count: number, time: number): readonly number[] {
  const found: number[] = [];
  for (let next = dates.after(time); next !== undefined && found.length < count; next = dates.after(next))
    found.push(next);
  return found;
}

function seriesOf(when: ScheduleTimes, from = 0): Dates {
  if ('cron' in when) return cronDates(when.cron, when.timeZone, 'cron');
  if ('every' in when) return grid(when.every, from);
  return listed(when.at);
}

function grid(step: number, start: number): Dates {
  // In whole milliseconds, counted from the start: whoever comes upon a moment, from wherever, has the same number for it.
  const at = (n: number): number => Math.round(start + n * step);
  const upTo = (time: number): number => {
    let n = Math.floor((time - start) / step);
    while (at(n + 1) <= time) n++;
    return n;
  };
  return {
    after: (time) => at(upTo(time) + 1),
    latest: (count, time) => {
      const last = upTo(time);
      return Array.from({ length: count }, (_, n) => at(last - (count - 1 - n)));
    },
  };
}

function listed(moments: readonly number[]): Dates {
  return {
    after: (time) => moments.find((moment) => moment > time),
    latest(count, time) {
      const passed = moments.filter((moment) => moment <= time);
      return passed.slice(Math.max(0, passed.length - count));
    },
  };
}
