import { CronTime } from 'cron';
import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScheduleOptions } from 'nestjs-funq';
import { datesOf, following, nth, type Dates } from '../../lib/core/schedules/dates.js';
import { milliseconds } from '../../lib/core/options/duration.js';
import { readSchedule } from '../../lib/core/schedules/schedule.js';

const series = (options: ScheduleOptions, since = 0): Dates => datesOf(readSchedule(options, 'test', 'test'), since);
const iso = (epoch: number): string => new Date(epoch).toISOString();

/** The moments from `from` to before `until`. */
function between(dates: Dates, from: string, until: string): number[] {
  const found: number[] = [];
  for (
    let next = dates.after(Date.parse(from) - 1);
    next !== undefined && next < Date.parse(until);
    next = dates.after(next)
  ) {
    found.push(next);
  }
  return found;
}

describe('daylight saving time', () => {
  /** Zone, the local day from its first to its last moment in UTC, expression, how often it runs, and when first. */
  it.each<[string, string, string, string, number, string?]>([
    // New York 2026-03-08: 23 hours, 02:00 to 03:00 is left out.
    ['America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z', '30 2 * * *', 1, '2026-03-08T07:00:00.000Z'],
    ['America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z', '0 30 2 * * *', 1, '2026-03-08T07:00:00.000Z'],
    ['America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z', '*/30 * * * *', 46],
    ['America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z', '0 * * * *', 23],
    ['America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z', '0 1,2,3 * * *', 2],
    // New York 2026-11-01: 25 hours, 01:00 to 02:00 comes twice.
    ['America/New_York', '2026-11-01T04:00Z', '2026-11-02T05:00Z', '30 1 * * *', 1, '2026-11-01T05:30:00.000Z'],
    ['America/New_York', '2026-11-01T04:00Z', '2026-11-02T05:00Z', '*/30 * * * *', 50],
    ['America/New_York', '2026-11-01T04:00Z', '2026-11-02T05:00Z', '0 * * * *', 25],
    // Melbourne 2024-04-07: 25 hours.
    ['Australia/Melbourne', '2024-04-06T13:00Z', '2024-04-07T14:00Z', '30 2 * * *', 1, '2024-04-06T15:30:00.000Z'],
    ['Australia/Melbourne', '2024-04-06T13:00Z', '2024-04-07T14:00Z', '*/30 * * * *', 50],
    // Lord Howe moves by half an hour.
    ['Australia/Lord_Howe', '2024-04-06T13:00Z', '2024-04-07T13:30Z', '45 1 * * *', 1, '2024-04-06T14:45:00.000Z'],
    ['Australia/Lord_Howe', '2024-04-06T13:00Z', '2024-04-07T13:30Z', '*/30 * * * *', 49],
    ['Australia/Lord_Howe', '2024-10-05T13:30Z', '2024-10-06T13:00Z', '15 2 * * *', 1, '2024-10-05T15:30:00.000Z'],
    ['Australia/Lord_Howe', '2024-10-05T13:30Z', '2024-10-06T13:00Z', '*/30 * * * *', 47],
    ['Europe/London', '2026-03-29T00:00Z', '2026-03-29T23:00Z', '30 1 * * *', 1, '2026-03-29T01:00:00.000Z'],
    ['Europe/London', '2026-03-29T00:00Z', '2026-03-29T23:00Z', '*/30 * * * *', 46],
    ['Europe/London', '2026-10-24T23:00Z', '2026-10-26T00:00Z', '30 1 * * *', 1, '2026-10-25T00:30:00.000Z'],
    ['Europe/London', '2026-10-24T23:00Z', '2026-10-26T00:00Z', '*/30 * * * *', 50],
    // São Paulo changed at midnight: the day began at 01:00, or its last hour came twice.
    ['America/Sao_Paulo', '2018-11-04T03:00Z', '2018-11-05T02:00Z', '0 0 * * *', 1, '2018-11-04T03:00:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04T03:00Z', '2018-11-05T02:00Z', '30 0 * * *', 1, '2018-11-04T03:00:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04T03:00Z', '2018-11-05T02:00Z', '*/30 * * * *', 46],
    ['America/Sao_Paulo', '2018-02-17T02:00Z', '2018-02-18T03:00Z', '30 23 * * *', 1, '2018-02-18T01:30:00.000Z'],
    ['America/Sao_Paulo', '2018-02-17T02:00Z', '2018-02-18T03:00Z', '*/30 * * * *', 50],
    // Apia had no 30 December 2011: 29, 31 and 1 January follow each other.
    ['Pacific/Apia', '2011-12-29T10:00Z', '2012-01-01T10:00Z', '0 12 * * *', 3, '2011-12-29T22:00:00.000Z'],
    ['Pacific/Apia', '2011-12-29T10:00Z', '2012-01-01T10:00Z', '*/30 * * * *', 144],
    ['Pacific/Apia', '2011-12-29T10:00Z', '2012-01-01T10:00Z', '0 12 30 12 *', 0],
    // A day without a change.
    ['America/New_York', '2026-06-01T04:00Z', '2026-06-02T04:00Z', '*/30 * * * *', 48],
  ])('%s, the day from %s to %s: %s runs %i times', (timeZone, from, until, cron, count, first) => {
    const found = between(series({ cron, timeZone }), from, until);
    expect(found.length).toBe(count);
    if (first) expect(iso(found[0]!)).toBe(first);
    // Looking back sees the same moments as looking forward, at every one of them and just before it.
    for (const [index, moment] of found.entries()) {
      expect(series({ cron, timeZone }).latest(1, moment)).toEqual([moment]);
      if (index > 0) expect(series({ cron, timeZone }).latest(1, moment - 1)).toEqual([found[index - 1]]);
    }
  });
});

/** Everything that all three libraries understand, in UTC where they agree on time. */
const EXPRESSIONS = [
  '* * * * *',
  '*/7 * * * *',
  '0 0 29 2 *',
  '59 23 31 12 *',
  '0 0 1 1 *',
  '0 0 31 * *',
  '0 0 30 * *',
  '5-10/2 8-18 * * 1-5',
  '0,15,30,45 * * * *',
  '0 12 * 2 1',
  '0 0 1,15 * *',
  '0 0 * * 0',
  '0 0 * * 7',
  '0 22 * * 1-5',
  '23 0-20/2 * * *',
  '0 0 1 */3 *',
  '0 0 1 JAN *',
  '0 0 * * MON',
  '0 0 * * MON-FRI',
  '0 0 * FEB-APR SUN',
  '30 4 1 * *',
  '0 0 13 * *',
];
const MINUTES = ['0', '30', '*/7', '*/13', '1-5', '58,59'];
const REST = ['* * * *', '3 * * *', '*/5 * * *', '0 29 2 *', '0 31 1,3,12 *', '6 1 1 *', '12 * * 6', '23 31 12 *'];
const TABLE = [
  ...EXPRESSIONS,
  ...MINUTES.flatMap((minute) => REST.map((rest) => `${minute} ${rest}`)),
  // Seconds before them.
  ...['0', '*/7', '15,45', '10-12', '59'].flatMap((second) =>
    REST.flatMap((rest) => [`${second} 0 ${rest}`, `${second} */11 ${rest}`]),
  ),
  ...['*/3', '1-59/2', '7', '0,1', '20-40/5'].flatMap((minute) =>
    [
      '8-10 * * 1-5',
      '* 1-7 * *',
      '0 1 1-6 *',
      '22 * 2 *',
      '1 15 6 *',
      '*/9 * * 0,6',
      '5 28-31 * *',
      '0 * * 3',
      '* * 7 *',
      '3 4 5 *',
      '0 10 */2 *',
      '17 * 11 4',
    ].map((rest) => `${minute} ${rest}`),
  ),
];
const STARTS = ['2023-12-31T23:59:59.500Z', '2024-02-28T23:30:00Z', '2026-01-01T00:00:00Z', '2027-06-15T12:34:56Z'].map(
  (text) => Date.parse(text),
);

function thirdOpinion(cron: string, start: number): string[] | undefined {
  const time = new CronTime(cron, 'UTC');
  let at = new Date(start);
  try {
    return [1, 2, 3].map(() => (at = time.getNextDateFrom(at, 'UTC').toJSDate()).toISOString());
  } catch {
    return undefined;
  }
}

describe('cron expressions', () => {
  it(`agree with two other libraries, in ${TABLE.length} expressions`, () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(200);
    const wrong: string[] = [];
    for (const cron of TABLE) {
      for (const start of STARTS) {
        const ours = following(series({ cron }), 3, start).map(iso);
        const parser = CronExpressionParser.parse(cron, { currentDate: new Date(start), tz: 'UTC' });
        const second = [parser.next(), parser.next(), parser.next()].map((date) => date.toDate().toISOString());
        const answers = [second, thirdOpinion(cron, start)].filter((answer) => answer !== undefined);
        // The package `cron` does not find 29 February.
        expect(answers.length).toBe(cron.includes('29 2 *') ? answers.length : 2);
        for (const other of answers)
          if (`${other}` !== `${ours}`) wrong.push(`${cron} after ${iso(start)}: ${ours} and not ${other}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['0 0 L * *', '2024-02-29T00:00:00.000Z'],
    ['0 0 * * 5L', '2024-02-23T00:00:00.000Z'],
    ['0 0 * * 1#2', '2024-02-12T00:00:00.000Z'],
    ['0 0 17W * *', '2024-02-16T00:00:00.000Z'],
    ['0 0 29 2 *', '2024-02-29T00:00:00.000Z'],
    ['@monthly', '2024-03-01T00:00:00.000Z'],
  ])('%s, which others spell otherwise: next after 10 February 2024 is %s', (cron, next) => {
    expect(iso(series({ cron }).after(Date.UTC(2024, 1, 10))!)).toBe(next);
  });

  it.each([
    ['0 0 30 2 *', 'there is no such date'],
    ['0 0 31 2,4,6,9,11 *', 'there is no such date'],
    ['60 * * * *', 'minute'],
    ['* 24 * * *', 'hour'],
    ['* * 32 * *', 'day'],
    ['* * * 13 *', 'month'],
    ['*/0 * * * *', 'step'],
    ['5-1 * * * *', 'From value'],
    ['* * * *', 'five'],
    ['* * * * * * 2030', 'exactly 5 or 6 parts'],
    ['@reboot', 'not supported'],
    ['every day', 'five'],
  ])('%s is refused when it is read', (cron, why) => {
    expect(() => series({ cron })).toThrow(expect.objectContaining({ code: 'FUNQ_OPTION_INVALID' }) as Error);
    expect(() => series({ cron })).toThrow(new RegExp(why, 'i'));
    expect(() => series({ cron })).toThrow('test: cron is ');
  });
});

const moment = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2060, 0, 1) });
const anySeries = fc.oneof(
  fc.record({ every: fc.integer({ min: 100, max: 1e9 }) }),
  fc.record({ every: fc.integer({ min: 100, max: 1e9 }), from: moment }),
  fc.record({ at: fc.array(moment, { minLength: 1, maxLength: 20 }) }),
  fc.record({
    cron: fc.constantFrom('*/5 * * * *', '30 2 * * *', '15 1,2 * * *', '0 0 29 2 *', '0 9 * * 1#1', '*/20 * * * * *'),
    timeZone: fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca'),
  }),
);

describe('every series', () => {
  it('goes on, is the same from wherever it is looked at, and looks back as it looks forward', () => {
    fc.assert(
      fc.property(anySeries, moment, (options, time) => {
        const dates = series(options);
        const found = following(dates, 5, time);
        expect(found.every((date, n) => date > (found[n - 1] ?? time))).toBe(true);
        for (const [n, date] of found.entries()) {
          expect(dates.after(date - 1)).toBe(date);
          expect(dates.latest(n + 1, date)).toEqual(found.slice(0, n + 1));
          if (n > 0) expect(dates.latest(n, date - 1)).toEqual(found.slice(0, n));
        }
      }),
    );
  });

  it('stays between from and until and ends after its times, counted from from', () => {
    fc.assert(
      fc.property(
        anySeries,
        moment,
        fc.integer({ min: 0, max: 1e10 }),
        fc.integer({ min: 1, max: 30 }),
        (options, from, length, times) => {
          const until = from + length;
          const free = following(series({ ...options, from }), times, from - 1);
          const limited = following(series({ ...options, from, until, times }), 100, -8e15);
          expect(limited).toEqual(free.filter((date) => date <= until));
          const end = limited.at(-1);
          expect(series({ ...options, from, until, times }).latest(3, 8e15)).toEqual(limited.slice(-3));
          if (end !== undefined) expect(nth(series({ ...options, from }), limited.length, from - 1)).toBe(end);
        },
      ),
    );
  });
});

describe('times', () => {
  it('without from are counted from when the schedule first started, wherever one looks from', () => {
    const start = Date.UTC(2026, 0, 1, 0, 0, 30);
    const dates = series({ cron: '* * * * *', times: 3 }, start);
    const expected = [1, 2, 3].map((minute) => Date.UTC(2026, 0, 1, 0, minute));
    expect(following(dates, 10, start)).toEqual(expected);
    expect(following(dates, 10, expected[1]!)).toEqual(expected.slice(2));
    expect(dates.latest(10, Date.UTC(2030, 0, 1)).slice(-3)).toEqual(expected);
  });

  it('of moments that are listed are the first of them', () => {
    expect(following(series({ at: [3000, 1000, 2000, 1000], times: 2 }), 10, 0)).toEqual([1000, 2000]);
  });
});

describe('a grid', () => {
  it('lies on the epoch, or on from, in whole steps', () => {
    expect(following(series({ every: '7s' }), 2, 1000)).toEqual([7000, 14_000]);
    expect(following(series({ every: '7s', from: 500 }), 3, 0)).toEqual([500, 7500, 14_500]);
    expect(following(series({ every: '1d' }), 1, Date.UTC(2026, 0, 1, 5))).toEqual([Date.UTC(2026, 0, 2)]);
    expect(series({ every: 1000 }).after(-1500)).toBe(-1000);
  });

  it.each([60_000 / 7, 1000 / 3, '1.005s', 86_400_000 / 7, 3_600_000 / 7, 100.1])(
    'of steps that are no whole milliseconds goes on, in moments that are: %s',
    (every) => {
      const dates = series({ every });
      const start = Date.UTC(2026, 0, 1);
      const found = following(dates, 2000, start);
      for (const [n, date] of found.entries()) {
        expect(Number.isInteger(date) && date > (found[n - 1] ?? start)).toBe(true);
        // Whoever starts in between finds the same ones.
        expect(dates.after(date - 1)).toBe(date);
        expect(dates.latest(2, date)).toEqual([dates.latest(1, date - 1)[0], date]);
      }
      const step = milliseconds(every, 'every');
      expect(Math.abs(found.at(-1)! - start - 2000 * step)).toBeLessThanOrEqual(step);
    },
  );
});
