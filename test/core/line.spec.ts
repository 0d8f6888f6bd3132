import { describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { Gcra } from '../../lib/core/rates/gcra.js';
import { Line, type LineOptions } from '../../lib/core/rates/line.js';
import type { Pace, Place } from '../../lib/core/rates/place.js';

/** A clock whose timers fire late, as those of a busy process do. */
class LateClock extends ManualClock {
  late: (due: number) => number = () => 0;

  override after(ms: number, run: () => void): () => void {
    return super.after(ms + this.late(this.monotonic() + ms), run);
  }
}

const every = (interval: number): Pace => ({ interval, burst: 1, schedule: '' });
const pace = every(10);

function lineOn(clock: ManualClock, options: Partial<LineOptions> = {}): Line {
  const schedule = new Gcra();
  return new Line({
    clock,
    reserve: ({ interval, burst }, permits) => {
      return { wait: schedule.reserve(clock.monotonic(), interval, burst, permits), interval };
    },
    hurry: ({ interval }) => schedule.hurry(clock.monotonic(), interval),
    tolerance: () => ({ ms: 10, starts: Infinity }),
    ...options,
  });
}

/** Stands in line `count` times; the times of the starts, as they come. */
function enter(line: Line, clock: ManualClock, count: number, own: () => Pace | undefined = () => pace): number[] {
  const at: number[] = [];
  for (let n = 0; n < count; n++) {
    const place = line.enter(own);
    if (place.started) at.push(clock.monotonic());
    else void place.turn().then(() => at.push(clock.monotonic()));
  }
  return at;
}

/** A clock that goes on while it is looked at, as all real ones do. */
class RunningClock extends ManualClock {
  #looks = 0;

  override monotonic(): number {
    return super.monotonic() + ++this.#looks * 0.002;
  }
}

describe('a line', () => {
  it('lets the first go at once, without a timer', () => {
    const line = lineOn(new RunningClock());
    expect(line.enter(() => pace).started).toBe(true);
  });

  it('keeps to its schedule however late each timer is', async () => {
    const clock = new LateClock();
    clock.late = (due) => (due * 7) % 4;
    const at = enter(lineOn(clock), clock, 1000);
    await clock.advance(20_000);
    for (const [n, time] of at.entries()) {
      expect(time - n * 10).toBeGreaterThanOrEqual(0);
      expect(time - n * 10).toBeLessThan(4);
    }
    expect(at).toHaveLength(1000);
  });

  it('lets several go at once where an interval is shorter than what a timer can do', async () => {
    const clock = new LateClock();
    const interval = 0.25;
    clock.late = () => 1.5;
    const at = enter(lineOn(clock), clock, 4000, () => every(interval));
    await clock.advance(1100);
    expect(at).toHaveLength(4000);
    for (const [n, time] of at.entries()) expect(time - n * interval).toBeLessThan(2);
  });

  it('does not make up for a pause', async () => {
    const clock = new LateClock();
    // Whatever falls due between 100 and 200 is found at 200.
    clock.late = (due) => (due > 100 && due < 200 ? 200 - due : 0);
    const at = enter(lineOn(clock), clock, 40);
    await clock.advance(1000);
    const around = at.filter((time) => time >= 100 && time <= 220);
    expect(around).toEqual([100, 200, 210, 220]);
    expect(at).toHaveLength(40);
  });

  it('makes up for a few only where others start meanwhile', async () => {
    const clock = new LateClock();
    clock.late = (due) => (due > 100 && due < 120 ? 120 - due : 0);
    const tolerance = () => ({ ms: 50, starts: 2 });
    const at = enter(lineOn(clock, { tolerance }), clock, 300, () => every(1));
    await clock.advance(1000);
    const found = at.filter((time) => time === 120);
    expect(found).toHaveLength(2);
    expect(at).toHaveLength(300);
  });

  it('gives the start of one who leaves to the next', async () => {
    const clock = new ManualClock();
    const line = lineOn(clock);
    const at: [string, number][] = [];
    const places = ['a', 'b', 'c'].map((name): Place => {
      const place = line.enter(() => pace);
      const note = (): unknown => at.push([name, clock.monotonic()]);
      if (place.started) note();
      else void place.turn().then(note);
      return place;
    });
    places[1]!.leave();
    await clock.advance(100);
    expect(at).toEqual([
      ['a', 0],
      ['c', 10],
    ]);
    expect(line.idle(clock.monotonic())).toBe(true);
  });

  it('follows a pace that changes, up at once, down after one more start, and off', async () => {
    const clock = new ManualClock();
    const line = lineOn(clock);
    let now: Pace | undefined = every(60_000);
    const at = enter(line, clock, 10, () => now);
    await clock.advance(1000);
    now = every(100);
    line.replan(now);
    await clock.advance(150);
    now = every(500);
    line.replan(now);
    await clock.advance(1000);
    now = undefined;
    line.replan(now);
    await clock.advance(1);
    expect(at).toEqual([0, 1100, 1300, 1800, 2150, 2150, 2150, 2150, 2150, 2150]);
  });

  it('remembers no wait of a slower pace, though nobody stands in line when that ends', async () => {
    const clock = new ManualClock();
    const line = lineOn(clock);
    const hour = 3_600_000;
    enter(line, clock, 1, () => every(hour));
    line.replan(every(hour));
    expect(line.expected(every(hour))).toBe(hour);
    line.replan(pace);
    const at = enter(line, clock, 3);
    await clock.advance(100);
    expect(at).toEqual([10, 20, 30]);
  });

  it('goes by the new pace, though starts of the old one were still being asked for', async () => {
    const clock = new ManualClock();
    const store = new Map<number, Gcra>();
    const asked: (() => void)[] = [];
    const [slow, quick] = [every(3_600_000), every(10)];
    let now = slow;
    const line = lineOn(clock, {
      reserve: async ({ interval, burst }, permits) => {
        if (interval === slow.interval) await new Promise<void>((resolve) => asked.push(resolve));
        const starts = store.get(interval) ?? new Gcra();
        store.set(interval, starts);
        return { wait: starts.reserve(clock.monotonic(), interval, burst, permits), interval };
      },
    });
    const taken = enter(line, clock, 1, () => now);
    asked.shift()!();
    await clock.advance(0);
    expect(taken).toEqual([0]);
    const at = enter(line, clock, 3, () => now);
    now = quick;
    line.replan(now);
    asked.shift()!();
    await clock.advance(1000);
    expect(at).toEqual([0, 10, 20]);
  });

  it('leaves nothing to wait for of an old pace that was granted after it was changed', async () => {
    const clock = new ManualClock();
    const schedule = new Gcra();
    let admit!: () => void;
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    let now = every(3_600_000);
    const line = lineOn(clock, {
      reserve: async ({ interval, burst }, permits) => {
        await admitted;
        return { wait: schedule.reserve(clock.monotonic(), interval, burst, permits), interval };
      },
      hurry: ({ interval }) => schedule.hurry(clock.monotonic(), interval),
    });
    const at = enter(line, clock, 4, () => now);
    now = every(10);
    line.replan(now);
    await clock.advance(5);
    admit();
    await clock.advance(1000);
    expect(at).toHaveLength(4);
    expect(Math.max(...at)).toBeLessThanOrEqual(60);
  });

  it('tells those who wait when no starts can be had', async () => {
    const line = lineOn(new ManualClock(), { reserve: () => Promise.reject(new Error('no')) });
    await expect(line.enter(() => pace).turn()).rejects.toThrow('no');
  });

  it.each([
    [1, 6],
    [0.1, 60],
    [100, 1],
  ])('reserves 6 ms of starts at a time, or one, and 25 ms ahead: every %d ms', async (interval, piece) => {
    const clock = new ManualClock();
    const schedule = new Gcra();
    let [asked, most, reserved, ahead] = [0, 0, 0, 0];
    const reserve: LineOptions['reserve'] = async (own, permits) => {
      asked++;
      reserved += permits;
      most = Math.max(most, permits);
      await clock.sleep(1);
      return { wait: schedule.reserve(clock.monotonic(), own.interval, own.burst, permits), interval: own.interval };
    };
    const line = lineOn(clock, { reserve });
    const at = enter(line, clock, 2000, () => every(interval));
    for (let ms = 0; ms < 150; ms++) {
      await clock.advance(1);
      ahead = Math.max(ahead, reserved - at.length);
    }
    expect(most).toBe(piece);
    expect(ahead).toBeLessThanOrEqual(Math.max(2, (25 + 2 * 6) / interval));
    expect(at.length).toBeGreaterThanOrEqual(Math.floor(148 / interval));
    expect(asked).toBeLessThanOrEqual(at.length / piece + 8);
  });
});
