import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { StandIn, type SourceOrders } from '../../lib/core/heartbeat/stand-in.js';

const PERIOD = 100;
const MAX_BLOCK = 1000;

/** A module of a broker, and what was done with it. */
class Module {
  readonly beats: (readonly unknown[])[] = [];
  opened = 0;
  closed = 0;
  /** Runs in place of what would work. */
  opening: () => Promise<void> = async () => undefined;
  beating: () => Promise<void> = async () => undefined;

  readonly openPulse = async () => {
    await this.opening();
    this.opened++;
    return {
      beat: async (ids: readonly unknown[]) => {
        this.beats.push(ids);
        await this.beating();
      },
      close: async () => void this.closed++,
    };
  };
}

describe('StandIn', () => {
  let clock: ManualClock;
  let modules: Record<string, Module>;
  let one: Module;
  let told: string[];
  let ready: number[];
  let turns: number;
  let calls: number;
  let standIn: StandIn;
  const from = (key: number, module: string, ...ids: unknown[]): SourceOrders => ({ key, module, data: {}, ids });
  const follow = async (...sources: SourceOrders[]): Promise<void> => {
    standIn.follow({ period: PERIOD, sources });
    await clock.advance(0);
  };
  /** Looks, each after the loop has turned. */
  const turning = async (looks: number): Promise<void> => {
    for (let look = 0; look < looks; look++) {
      turns++;
      await clock.advance(PERIOD);
    }
  };
  const blocked = (looks: number): Promise<void> => clock.advance(looks * PERIOD);
  const failing = async (): Promise<never> => {
    throw new Error('away');
  };

  beforeEach(() => {
    clock = new ManualClock();
    one = new Module();
    modules = { one, two: new Module() };
    told = [];
    ready = [];
    turns = calls = 0;
    standIn = new StandIn({
      clock,
      maxBlock: MAX_BLOCK,
      turns: () => turns,
      calls: () => calls,
      load: async (name) => modules[name] ?? Promise.reject(new Error(`no ${name}`)),
      ready: (key) => ready.push(key),
      failed: (_key, error) => told.push((error as Error).message),
    });
  });

  it('opens at once, beats once to show that it can, and leaves a loop that turns alone', async () => {
    await follow(from(1, 'one', 'a'));
    expect([one.opened, one.beats.length]).toEqual([1, 1]);
    await turning(50);
    expect([one.opened, one.beats.length]).toEqual([1, 1]);
    expect(ready).toEqual([1]);
  });

  it('beats from the first look without a turn on, and no more from maxBlock on', async () => {
    await follow(from(1, 'one', 'a'));
    await turning(5);
    await blocked(1);
    expect(one.beats.length).toBe(2);
    await blocked(8);
    expect(one.beats.length).toBe(10);
    await blocked(20);
    expect(one.beats.length).toBe(10);
  });

  it('goes on beyond maxBlock for a loop that does not turn while one function after another is called', async () => {
    await follow(from(1, 'one', 'a'));
    for (let task = 0; task < 5; task++) {
      await blocked(9);
      calls++;
    }
    expect(one.beats.length).toBe(1 + 5 * 9);
    await blocked(30);
    expect(one.beats.length).toBe(1 + 5 * 9 + 10);
  });

  it('stands in again after the loop has come back', async () => {
    await follow(from(1, 'one', 'a'));
    await blocked(30);
    const before = one.beats.length;
    await turning(1);
    expect(one.beats.length).toBe(before);
    await blocked(3);
    expect(one.beats.length).toBe(before + 3);
  });

  it('beats for all of a source in one call, and takes the newest ids', async () => {
    await follow(from(1, 'one', 'a', 'b'), from(2, 'two', 'c'));
    await follow(from(1, 'one', 'b', 'd'), from(2, 'two', 'c'));
    await blocked(1);
    expect(one.beats).toEqual([
      ['a', 'b'],
      ['b', 'd'],
    ]);
    expect(modules.two!.beats).toEqual([['c'], ['c']]);
    expect(one.opened).toBe(1);
  });

  it('closes a source that is no longer listed, and everything in the end', async () => {
    await follow(from(1, 'one', 'a'), from(2, 'two', 'b'));
    await follow(from(2, 'two', 'b'));
    await blocked(2);
    expect([one.closed, one.beats.length]).toEqual([1, 1]);
    await standIn.close();
    await blocked(2);
    expect([modules.two!.closed, modules.two!.beats.length]).toEqual([1, 3]);
    expect(clock.pending).toBe(0);
  });

  it('opens again what could not be opened, with growing pauses, tells once, and disturbs no other source', async () => {
    let tries = 0;
    one.opening = () => (tries++, failing());
    await follow(from(1, 'one', 'a'), from(2, 'two', 'b'), from(3, 'three'));
    await turning(100);
    expect(told.toSorted()).toEqual(['away', 'no three']);
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(15);
    one.opening = async () => undefined;
    await turning(60);
    expect(one.beats.length).toBe(1);
    await blocked(1);
    expect(modules.two!.beats.length).toBe(2);
  });

  it('replaces a connection that fails, and tells again when it fails after it had worked', async () => {
    await follow(from(1, 'one', 'a'));
    one.beating = failing;
    await blocked(8);
    expect([one.closed === one.opened, told]).toEqual([true, ['away']]);
    one.beating = async () => undefined;
    await turning(60);
    expect(one.opened - one.closed).toBe(1);
    one.beating = failing;
    await blocked(1);
    expect(told).toEqual(['away', 'away']);
  });

  it('replaces a connection that does not answer, and never beats twice at the same time', async () => {
    await follow(from(1, 'one', 'a'));
    one.beating = () => new Promise(() => {});
    await blocked(3);
    expect(one.beats.length).toBe(2);
    one.beating = async () => undefined;
    for (let look = 0; look < 60; look++) await turning(1);
    expect([one.opened, one.closed, told]).toEqual([2, 1, ['one: a sign of life took longer than 5000 ms']]);
  });

  it('closes a connection that came too late', async () => {
    let open = (): void => undefined;
    one.opening = () => new Promise((resolve) => (open = resolve));
    await follow(from(1, 'one', 'a'));
    await turning(50);
    expect(told).toEqual(['one: opening took longer than 5000 ms']);
    open();
    await clock.advance(0);
    expect([one.opened, one.closed]).toEqual([1, 1]);
  });

  it('closes a connection that was still being opened when it was to close', async () => {
    let open = (): void => undefined;
    one.opening = () => new Promise((resolve) => (open = resolve));
    await follow(from(1, 'one', 'a'));
    await standIn.close();
    open();
    await clock.advance(0);
    expect([one.opened, one.closed, clock.pending]).toEqual([1, 1, 0]);
  });

  it('tells no failure of a source that is closed while it beats, and beats for none that was closed while it opened', async () => {
    let end = (_error: Error): void => undefined;
    one.beating = () => new Promise((_resolve, reject) => (end = reject));
    let open = (): void => undefined;
    modules['two']!.opening = () => new Promise((resolve) => (open = resolve));
    await follow(from(1, 'one', 'a'), from(2, 'two', 'b'));
    expect(one.beats).toHaveLength(1);
    await follow();
    end(new Error('closed'));
    open();
    await clock.advance(0);
    expect([told, modules['two']!.beats, modules['two']!.closed, ready]).toEqual([[], [], 1, []]);
  });
});
