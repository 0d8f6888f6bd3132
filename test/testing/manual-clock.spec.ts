import { describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';

const START = Date.UTC(2026, 0, 1);

describe('ManualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new ManualClock();
    expect([clock.now(), clock.monotonic()]).toEqual([START, 0]);
    await clock.advance(1500.5);
    expect([clock.now(), clock.monotonic()]).toEqual([START + 1500.5, 1500.5]);
    expect(new ManualClock(7).now()).toBe(7);
  });

  it('fires timers at their own moments, in order of time and then of asking', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    for (const [name, ms] of Object.entries({ c: 30, a: 10, b: 20, b2: 20, d: 31 })) {
      clock.after(ms, () => fired.push(`${name}@${clock.monotonic()}`));
    }
    await clock.advance(30);
    expect(fired).toEqual(['a@10', 'b@20', 'b2@20', 'c@30']);
    expect(clock.pending).toBe(1);
  });

  it('lets those who were woken run before time goes on', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const walk = async (): Promise<void> => {
      for (let step = 0; step < 5; step++) {
        await clock.sleep(10);
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.resolve();
        seen.push(clock.monotonic());
      }
    };
    void walk();
    await clock.advance(100);
    expect(seen).toEqual([10, 20, 30, 40, 50]);
    expect(clock.monotonic()).toBe(100);
  });

  it('keeps the beat of a ticking timer until it is stopped', async () => {
    const clock = new ManualClock();
    const ticks: number[] = [];
    const stop = clock.every(25, () => {
      ticks.push(clock.monotonic());
      if (ticks.length === 3) stop();
    });
    await clock.advance(1000);
    expect(ticks).toEqual([25, 50, 75]);
    expect(clock.pending).toBe(0);
  });

  it('forgets a timer that was cancelled, at any time', async () => {
    const clock = new ManualClock();
    let fired = 0;
    const cancel = clock.after(10, () => fired++);
    cancel();
    cancel();
    const late = clock.after(5, () => fired++);
    await clock.advance(20);
    late();
    expect([fired, clock.pending]).toEqual([1, 0]);
  });

  it('wakes a sleeper whose signal aborts, and leaves no timer', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const slept = clock.sleep(1000, stop.signal);
    expect(clock.pending).toBe(1);
    stop.abort();
    await slept;
    await clock.sleep(1000, stop.signal);
    expect([clock.pending, clock.monotonic()]).toEqual([0, 0]);
  });

  it('needs no moving for a wait of nothing', async () => {
    const clock = new ManualClock();
    await clock.sleep(0);
    await clock.sleep(-5);
    const fired = await new Promise((resolve) => clock.after(0, () => resolve('fired')));
    expect(fired).toBe('fired');
    let cancelled = false;
    clock.after(0, () => (cancelled = true))();
    await clock.advance(0);
    expect(cancelled).toBe(false);
  });

  it('is not stopped by a wait that is no number: as on a real clock, it is over at once', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    clock.after(NaN, () => fired.push('none'));
    const stop = clock.every(NaN, () => fired.push('beat'));
    clock.after(3, () => fired.push('other'));
    await clock.sleep(NaN);
    await clock.advance(2);
    stop();
    await clock.advance(1);
    expect(fired).toEqual(['none', 'beat', 'beat', 'other']);
  });

  it('is set like a wall clock: timers and the monotonic time do not notice', async () => {
    const clock = new ManualClock();
    let fired = false;
    clock.after(100, () => (fired = true));
    clock.set(START - 3_600_000);
    expect([clock.now(), clock.monotonic(), clock.next]).toEqual([START - 3_600_000, 0, START - 3_600_000 + 100]);
    await clock.advance(99);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect([fired, clock.now(), clock.next]).toEqual([true, START - 3_600_000 + 100, undefined]);
  });

  it('adds up movements that are asked for at the same time', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    clock.after(15, () => {
      at.push(clock.monotonic());
      void clock.advance(5);
    });
    await Promise.all([clock.advance(10), clock.advance(10)]);
    await clock.advance(0);
    expect([at, clock.monotonic()]).toEqual([[15], 25]);
  });

  it('steps to the next timer, and fires all that are due at its moment', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    for (const [name, ms] of Object.entries({ b: 20, a: 10, a2: 10 })) clock.after(ms, () => fired.push(name));
    expect(await clock.step(9)).toBe(false);
    expect(clock.monotonic()).toBe(0);
    expect(await clock.step(10)).toBe(true);
    expect([fired, clock.monotonic()]).toEqual([['a', 'a2'], 10]);
    expect([await clock.step(), await clock.step()]).toEqual([true, false]);
    expect([fired, clock.monotonic()]).toEqual([['a', 'a2', 'b'], 20]);
  });

  it('steps over ticks, which are told once, before the timers and on their beat again', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    clock.every(25, () => told.push(`tick ${clock.monotonic()}`));
    expect(await clock.step()).toBe(false);
    clock.after(110, () => told.push(`timer ${clock.monotonic()}`));
    expect(await clock.step()).toBe(true);
    expect(told).toEqual(['tick 110', 'timer 110']);
    await clock.advance(15);
    expect(told).toEqual(['tick 110', 'timer 110', 'tick 125']);
    await clock.leap(100);
    await clock.leap(24);
    expect(told.slice(3)).toEqual(['tick 225']);
  });

  it('leaps as a machine that slept: late timers fire in their order, each of them once', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const stop = clock.every(10, () => {
      told.push('tick');
      stop();
    });
    clock.every(10, () => told.push('tock'));
    clock.after(30, () => told.push('b'));
    clock.after(20, () => told.push(`a ${clock.monotonic()}`));
    await clock.leap(1000);
    expect(told).toEqual(['tick', 'tock', 'a 1000', 'b']);
    expect(() => clock.leap(-1)).toThrow('-1 ms');
  });

  it('keeps thousands of timers apart', async () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    const cancels = Array.from({ length: 3000 }, (_, n) => clock.after(1 + ((n * 7919) % 1000), () => fired.push(n)));
    for (const [n, cancel] of cancels.entries()) if (n % 3 === 0) cancel();
    expect(clock.pending).toBe(2000);
    await clock.advance(1000);
    const due = (n: number): number => (n * 7919) % 1000;
    const expected = cancels.map((_, n) => n).filter((n) => n % 3 !== 0);
    expect(fired).toEqual(expected.toSorted((a, b) => due(a) - due(b) || a - b));
    expect(clock.pending).toBe(0);
  });

  it('refuses to go back', () => {
    const clock = new ManualClock();
    expect(() => clock.advance(-1)).toThrow('-1 ms');
    expect(() => clock.advance(NaN)).toThrow('NaN ms');
  });
});
