import { describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { Deadlines } from '../../lib/core/deadlines.js';

/** Counts the timers that are set and neither fired nor cancelled. */
class CountingClock extends ManualClock {
  timers = 0;

  override after(ms: number, run: () => void): () => void {
    this.timers++;
    let set = true;
    const end = (): void => {
      if (set) this.timers--;
      set = false;
    };
    const cancel = super.after(ms, () => {
      end();
      run();
    });
    return () => {
      end();
      cancel();
    };
  }
}

const late = (): Error => new Error('late');
const never = (): Promise<never> => new Promise(() => undefined);

describe('deadlines of one length', () => {
  it.each([
    { blocked: 0, grace: 0 },
    { blocked: 300, grace: 300 },
    { blocked: 60_000, grace: 1000 },
  ])('for an answer are put off once, by the $blocked ms that the loop was blocked', async ({ blocked, grace }) => {
    const clock = new ManualClock();
    let over: number | undefined;
    const deadlines = new Deadlines(clock, 1000);
    deadlines.within(never, late).catch(() => (over = clock.monotonic()));
    await clock.leap(1000 + blocked);
    await clock.advance(5000);
    expect(over).toBe(1000 + blocked + grace);
  });

  it('leave no timer behind when the answer comes in the time that they were put off by', async () => {
    const clock = new ManualClock();
    let answer = (_text: string): void => undefined;
    const asked = new Deadlines(clock, 1000).within(() => new Promise<string>((resolve) => (answer = resolve)), late);
    await clock.leap(1500);
    answer('here');
    expect(await asked).toBe('here');
    expect(clock.pending).toBe(0);
  });

  it('end each at its own moment, on one timer', async () => {
    const clock = new CountingClock();
    const deadlines = new Deadlines(clock, 1000);
    const over: [number, number][] = [];
    const start = clock.monotonic();
    for (let n = 0; n < 5; n++) {
      deadlines.set(() => over.push([n, clock.monotonic() - start]));
      expect(clock.timers).toBe(1);
      await clock.advance(100);
    }
    await clock.advance(2000);
    expect(over).toEqual([0, 1, 2, 3, 4].map((n) => [n, 1000 + n * 100]));
    expect(clock.timers).toBe(0);
  });

  it('leave no timer behind once all were met, and begin anew after that', async () => {
    const clock = new CountingClock();
    const deadlines = new Deadlines(clock, 1000);
    const over: number[] = [];
    const [first, second] = [1, 2].map((n) => deadlines.set(() => over.push(n)));
    first!();
    expect(clock.timers).toBe(1);
    second!();
    second!();
    expect(clock.timers).toBe(0);
    deadlines.set(() => over.push(3));
    await clock.advance(1000);
    expect(over).toEqual([3]);
  });

  it('may be set by one that ends', async () => {
    const clock = new CountingClock();
    const deadlines = new Deadlines(clock, 1000);
    const over: number[] = [];
    deadlines.set(() => {
      deadlines.set(() => over.push(2));
      expect(clock.timers).toBeLessThanOrEqual(1);
    });
    await clock.advance(500);
    deadlines.set(() => over.push(1));
    await clock.advance(500);
    expect(clock.timers).toBe(1);
    await clock.advance(500);
    expect(over).toEqual([1]);
    await clock.advance(500);
    expect(over).toEqual([1, 2]);
    expect(clock.timers).toBe(0);
  });

  it('bound what is waited for', async () => {
    const clock = new CountingClock();
    const deadlines = new Deadlines(clock, 1000);
    const thrown = new Error('at once');
    await expect(deadlines.within(async () => 1, late)).resolves.toBe(1);
    await expect(deadlines.within(() => Promise.reject(thrown), late)).rejects.toBe(thrown);
    const throwing = (): never => {
      throw thrown;
    };
    await expect(deadlines.within(throwing, late)).rejects.toBe(thrown);
    expect(clock.timers).toBe(0);
    const waiting = expect(deadlines.within(never, late)).rejects.toThrow('late');
    await clock.advance(1000);
    await waiting;
  });
});
