import { describe, expect, it, onTestFinished } from 'vitest';
import type { Clock, ScheduleOptions } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { datesOf } from '../../lib/core/schedules/dates.js';
import { readSchedule } from '../../lib/core/schedules/schedule.js';
import { Ticker, type Tick } from '../../lib/core/schedules/ticker.js';

const START = Date.UTC(2026, 0, 1);
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

interface Trial {
  readonly clock: ManualClock;
  readonly ticker: Ticker;
  /** Moments that were published, in milliseconds since the start. */
  readonly ticks: number[];
  readonly seen: Tick[];
  readonly failures: { attempt: number; delay: number }[];
  /** Fails a publish when it says so. */
  fail: () => boolean;
}

/** A schedule that exists since `since` milliseconds after the start. */
function run(options: ScheduleOptions, { since = 0, clock = new ManualClock(START) } = {}): Trial {
  const schedule = readSchedule(options, 'test', 'test');
  const trial: { -readonly [K in keyof Trial]: Trial[K] } = {
    clock,
    ticker: undefined as never,
    ticks: [],
    seen: [],
    failures: [],
    fail: () => false,
  };
  trial.ticker = new Ticker({
    clock,
    missed: schedule.missed,
    begin: async () => ({ dates: datesOf(schedule, START + since), since: START + since }),
    publish: async (tick) => {
      if (trial.fail()) throw new Error('away');
      trial.ticks.push(tick.due - START);
      trial.seen.push(tick);
    },
    failed: (_error, attempt, delay) => void trial.failures.push({ attempt, delay }),
  });
  trial.ticker.start();
  onTestFinished(() => trial.ticker.stop());
  return trial;
}

const steps = (count: number, step: number, first = step): number[] =>
  Array.from({ length: count }, (_, n) => first + n * step);

describe('a ticker', () => {
  it('publishes each moment once, when it has come and not before', async () => {
    const { clock, ticks } = run({ every: '10s' });
    await clock.advance(10 * SECOND - 1);
    expect(ticks).toEqual([]);
    await clock.advance(1);
    expect(ticks).toEqual([10 * SECOND]);
    await clock.advance(MINUTE);
    expect(ticks).toEqual(steps(7, 10 * SECOND));
  });

  it('keeps a beat of a tenth of a second', async () => {
    const { clock, ticks } = run({ every: 100 });
    await clock.advance(10 * SECOND);
    expect(ticks).toEqual(steps(100, 100));
  });

  it('goes through half a year of days, and a delay longer than one timer holds', async () => {
    const { clock, ticks } = run({ cron: '0 6 * * *' });
    const far = run({ at: START + 60 * DAY }, { clock });
    await clock.advance(180 * DAY);
    expect(ticks).toEqual(steps(180, DAY, 6 * HOUR));
    expect(far.ticks).toEqual([60 * DAY]);
  }, 60_000);

  it('ends with its series, and leaves no timer', async () => {
    const { clock, ticks, ticker } = run({ every: '1s', times: 3 });
    await clock.advance(MINUTE);
    expect(ticks).toEqual(steps(3, SECOND));
    expect([clock.pending, ticker.next(5)]).toEqual([0, []]);
  });

  it('stops between two moments, at once and for good', async () => {
    const { clock, ticks, ticker } = run({ every: '10s' });
    await clock.advance(25 * SECOND);
    await ticker.stop();
    await clock.advance(HOUR);
    expect([ticks.length, clock.pending]).toEqual([2, 0]);
  });

  it('asks that a moment be remembered until no gap can reach back to it', async () => {
    const day = run({ cron: '0 6 * * *' });
    await day.clock.advance(DAY);
    expect(day.seen[0]!.keep).toBe(DAY + HOUR);
    const three = run({ cron: '0 6 * * *', missed: 3 });
    await three.clock.advance(DAY);
    expect(three.seen[0]!.keep).toBe(3 * DAY + HOUR);
    const fast = run({ every: '1s' });
    await fast.clock.advance(SECOND);
    expect(fast.seen[0]!.keep).toBe(HOUR + MINUTE);
    const last = run({ at: START + SECOND });
    await last.clock.advance(SECOND);
    expect(last.seen[0]!.keep).toBe(7 * DAY + HOUR);
  });
});

describe('what nobody was there for', () => {
  it.each<[ScheduleOptions['missed'], number]>([
    ['skip', 0],
    [0, 0],
    ['once', 1],
    [undefined, 1],
    [3, 3],
    [100, 100],
  ])('with missed: %s is made up for %i times after ten minutes of every second', async (missed, count) => {
    const { clock, ticks } = run({ every: '1s', missed: missed! }, { since: -10 * MINUTE });
    await clock.advance(0);
    expect(ticks).toEqual(steps(count, SECOND, -(count - 1) * SECOND));
    await clock.advance(2 * SECOND);
    expect(ticks.slice(count)).toEqual([SECOND, 2 * SECOND]);
  });

  it('is made up for in order where the moments lie far apart', async () => {
    const { clock, ticks } = run({ every: '1d', missed: 3 }, { since: -6 * DAY - HOUR });
    await clock.advance(0);
    expect(ticks).toEqual([-2 * DAY, -DAY, 0]);
  });

  it('is let go after seven days, and was never owed before the schedule was there', async () => {
    const old = run({ at: START - 8 * DAY }, { since: -30 * DAY });
    const recent = run({ at: START - 6 * DAY }, { since: -30 * DAY });
    const before = run({ at: START - DAY }, { since: -HOUR });
    for (const { clock } of [old, recent, before]) await clock.advance(MINUTE);
    expect([old.ticks, recent.ticks, before.ticks]).toEqual([[], [-6 * DAY], []]);
  });
});

describe('a clock that jumps', () => {
  it('forward by an hour causes no flood', async () => {
    const { clock, ticks } = run({ every: '1s' });
    await clock.advance(2 * SECOND);
    clock.set(clock.now() + HOUR);
    await clock.advance(3 * SECOND);
    const after = HOUR + 2 * SECOND;
    expect(ticks).toEqual([SECOND, 2 * SECOND, ...[1, 2, 3].map((second) => after + second * SECOND)]);
  });

  it('forward over one moment makes up for it', async () => {
    const { clock, ticks } = run({ every: '1h' });
    await clock.advance(30 * MINUTE);
    clock.set(clock.now() + HOUR);
    await clock.advance(MINUTE);
    expect(ticks).toEqual([HOUR]);
    await clock.advance(30 * MINUTE);
    expect(ticks).toEqual([HOUR, 2 * HOUR]);
  });

  it('forward by a little loses nothing', async () => {
    const { clock, ticks } = run({ every: '1s' });
    await clock.advance(SECOND);
    clock.set(clock.now() + 30 * SECOND);
    await clock.advance(SECOND);
    expect(ticks).toEqual(steps(32, SECOND));
  });

  it('is noticed within a minute, also during a long sleep', async () => {
    const { clock, ticks } = run({ every: '1d' });
    await clock.advance(HOUR);
    clock.set(START + DAY - SECOND);
    await clock.advance(MINUTE);
    expect(ticks).toEqual([DAY]);
  });

  it('back by an hour goes on from there: the same moments come again, as repeats', async () => {
    const { clock, ticks } = run({ every: '10m' });
    await clock.advance(2 * HOUR);
    clock.set(clock.now() - HOUR);
    await clock.advance(HOUR + 10 * MINUTE);
    expect(ticks.slice(12)).toEqual(steps(7, 10 * MINUTE, HOUR + 10 * MINUTE));
    expect(ticks.slice(0, 12)).toEqual(steps(12, 10 * MINUTE));
  });

  it.each<[ScheduleOptions, number]>([
    [{ every: '1s' }, HOUR],
    [{ every: '1s', missed: 'skip' }, HOUR],
    [{ every: '7s' }, HOUR - 13 * SECOND],
    [{ every: '20s', missed: 2 }, HOUR],
  ])('back by up to an hour repeats nothing that is remembered as long as was asked for: %j', async (options, by) => {
    const { clock, seen } = run(options);
    const until = new Map<number, number>();
    let repeats = 0;
    let looked = 0;
    const look = (): void => {
      for (const { due, keep } of seen.slice(looked)) {
        if (clock.monotonic() >= (until.get(due) ?? -Infinity) && until.has(due)) repeats++;
        if (clock.monotonic() >= (until.get(due) ?? -Infinity)) until.set(due, clock.monotonic() + keep);
      }
      looked = seen.length;
    };
    const goOn = async (seconds: number): Promise<void> => {
      for (let n = 0; n < seconds; n++) {
        await clock.advance(SECOND);
        look();
      }
    };
    await goOn(3900);
    clock.set(clock.now() - by);
    await goOn(200);
    expect(repeats).toBe(0);
    expect(looked).toBeGreaterThan(until.size);
  });

  it('back by years does not stop it', async () => {
    const { clock, ticks } = run(
      { every: '1m' },
      { clock: new ManualClock(START + 4 * 365 * DAY), since: 4 * 365 * DAY },
    );
    await clock.advance(2 * MINUTE);
    clock.set(START);
    await clock.advance(3 * MINUTE);
    expect(ticks.slice(2)).toEqual([MINUTE, 2 * MINUTE, 3 * MINUTE]);
  });

  it('back by a moment repeats nothing', async () => {
    const { clock, ticks } = run({ every: '1s' });
    await clock.advance(3 * SECOND);
    clock.set(clock.now() - 500);
    await clock.advance(2 * SECOND);
    expect(ticks).toEqual(steps(4, SECOND));
  });
});

describe('a publish that fails', () => {
  it('is tried again with growing pauses, and everything of the last minute is published in order', async () => {
    const trial = run({ every: '1s' });
    trial.fail = () => trial.clock.now() < START + 20 * SECOND;
    await trial.clock.advance(30 * SECOND + 1);
    expect(trial.ticks).toEqual(steps(30, SECOND));
    expect(trial.failures.map(({ attempt }) => attempt)).toEqual(trial.failures.map((_, n) => n + 1));
    expect(trial.failures.length).toBeGreaterThan(5);
    expect(Math.max(...trial.failures.map(({ delay }) => delay))).toBeLessThanOrEqual(5000);
  });

  it('for ten minutes leaves a gap, of which the latest moment is made up for', async () => {
    const trial = run({ every: '1s' });
    trial.fail = () => trial.clock.now() < START + 10 * MINUTE;
    await trial.clock.advance(11 * MINUTE + 1);
    expect(trial.ticks.length).toBeLessThanOrEqual(61);
    expect(trial.ticks[0]).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(new Set(trial.ticks).size).toBe(trial.ticks.length);
    expect(trial.ticks.at(-1)).toBe(11 * MINUTE);
  });

  it('does not lose a moment that comes once a day', async () => {
    const trial = run({ cron: '0 6 * * *' });
    trial.fail = () => trial.clock.now() < START + 7 * HOUR;
    await trial.clock.advance(8 * HOUR);
    expect(trial.ticks).toEqual([6 * HOUR]);
  });

  it('is not tried again once the ticker stops', async () => {
    const trial = run({ every: '1s' });
    trial.fail = () => true;
    await trial.clock.advance(5 * SECOND);
    const failures = trial.failures.length;
    await trial.ticker.stop();
    await trial.clock.advance(MINUTE);
    expect([trial.failures.length, trial.clock.pending]).toEqual([failures, 0]);
  });

  it('holds for a beginning as well', async () => {
    const clock = new ManualClock(START);
    const ticks: number[] = [];
    const failures: number[] = [];
    const dates = datesOf(readSchedule({ every: '1s' }, 'test', 'test'), START);
    const options = {
      clock: clock as Clock,
      missed: 1,
      begin: async () => {
        if (clock.now() < START + 5 * SECOND) throw new Error('away');
        return { dates, since: START };
      },
      publish: async ({ due }: Tick) => void ticks.push(due - START),
      failed: (_error: unknown, attempt: number) => void failures.push(attempt),
    };
    const ticker = new Ticker(options);
    onTestFinished(() => ticker.stop());
    ticker.start();
    await clock.advance(10 * SECOND + 1);
    expect(ticks).toEqual(steps(10, SECOND));
    expect(failures[0]).toBe(1);
  });
});
