import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Pulse, PulseSource, Subscription } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { Events, type EngineEvents } from '../../lib/core/events.js';
import { Heartbeat } from '../../lib/core/heartbeat/heartbeat.js';

const LEASE = 1000;
const script = new URL('../../dist/core/heartbeat/heartbeat.thread.js', import.meta.url);

/** What `pulse.mjs` notes. */
const [OPENED, BEATS, CLOSED, IDS, LAST] = [0, 1, 2, 3, 4] as const;

/** The thread's clock runs; that of the event loop stands still, so to the thread the loop is blocked. */
describe('the heartbeat thread', () => {
  let clock: ManualClock;
  let failures: EngineEvents['heartbeatFailed'][];
  let cells: Int32Array;
  let heartbeat: Heartbeat;
  let kept: Subscription[];

  const open = (settings: object = {}): Heartbeat => {
    const events = new Events();
    events.on('heartbeatFailed', (event) => failures.push(event));
    return new Heartbeat({ clock, events, maxBlock: 3_600_000, script, ...settings });
  };
  const source = (data: object = {}): PulseSource => ({
    module: new URL('pulse.mjs', import.meta.url).href,
    data: { cells, ...data },
  });
  const subscription = (pulse: Pulse | undefined): Subscription & { pulse: Pulse | undefined } => {
    const made = { pulse } as Subscription & { pulse: Pulse | undefined };
    kept.push(made);
    return made;
  };
  const until = (condition: () => boolean): Promise<unknown> =>
    vi.waitUntil(condition, { timeout: 15_000, interval: 5 });
  const at = (cell: number): number => Atomics.load(cells, cell);
  const moreBeats = (): Promise<unknown> => {
    const before = at(BEATS);
    return until(() => at(BEATS) > before + 2);
  };

  beforeEach(() => {
    clock = new ManualClock();
    failures = [];
    kept = [];
    cells = new Int32Array(new SharedArrayBuffer(20));
    heartbeat = open();
  });
  afterEach(async () => {
    await Promise.all(kept.map((each) => heartbeat.leave(each)));
    expect(clock.pending).toBe(0);
  });

  it('beats while the loop stands still, and is gone when the last subscription has left', async () => {
    const [first, second] = [subscription({ source: source(), id: 1 }), subscription({ source: source(), id: 2 })];
    heartbeat.keep(first, LEASE);
    heartbeat.keep(second, LEASE);
    await moreBeats();
    expect(at(OPENED)).toBe(2);
    await heartbeat.leave(first);
    await moreBeats();
    await heartbeat.leave(second);
    expect(at(CLOSED)).toBe(2);
    const before = at(BEATS);
    heartbeat.keep(first, LEASE);
    await until(() => at(OPENED) === 3 && at(BEATS) > before);
  });

  it('keeps all of one source by one connection, in one call, as they are now', async () => {
    const shared = source();
    const [first, second] = [subscription({ source: shared, id: 1 }), subscription({ source: shared, id: 2 })];
    heartbeat.keep(first, LEASE);
    heartbeat.keep(second, LEASE * 5);
    await until(() => at(IDS) === 2);
    second.pulse = { source: shared, id: 7 };
    heartbeat.keep(second, LEASE * 5);
    await until(() => at(LAST) === 7);
    second.pulse = undefined;
    heartbeat.keep(second, LEASE * 5);
    await until(() => at(IDS) === 1);
    expect(at(OPENED)).toBe(1);
  });

  it('looks as often as the shortest sign of life needs, whatever the lease', async () => {
    heartbeat.keep(subscription({ source: source(), id: 1, lasts: LEASE }), 3_600_000);
    await moreBeats();
  });

  it('is not started for a subscription without a pulse', async () => {
    heartbeat = open({ script: new URL('absent.js', import.meta.url) });
    heartbeat.keep(subscription(undefined), LEASE);
    expect(clock.pending).toBe(0);
  });

  it('is replaced when it dies; that is told once', async () => {
    heartbeat.keep(subscription({ source: source({ dies: true }), id: 1 }), LEASE);
    await until(() => failures.length > 0);
    expect(failures).toMatchObject([{ error: { message: 'the heartbeat thread ended with code 3' } }]);
    await clock.advance(failures[0]!.delay);
    await moreBeats();
    expect([at(OPENED), failures.length]).toEqual([2, 1]);
  });

  it('that can not be started, or given its orders, is told of once and disturbs nobody', async () => {
    const stranger = subscription({ source: source({ call: () => undefined }), id: 1 });
    heartbeat.keep(stranger, LEASE);
    expect(failures).toMatchObject([{ error: { name: 'DataCloneError' } }]);
    await clock.advance(10_000);
    await heartbeat.leave(stranger);
    heartbeat = open({ script: new URL('absent.js', import.meta.url) });
    heartbeat.keep(subscription({ source: source(), id: 1 }), LEASE);
    await until(() => failures.length === 2);
    expect(String(failures[1]!.error)).toContain('absent.js');
  });

  it('is waited for until it has beaten once', async () => {
    const first = subscription({ source: source(), id: 1 });
    expect(heartbeat.unready(first)).toBeUndefined();
    heartbeat.keep(first, LEASE);
    const unready = heartbeat.unready(first);
    expect(unready).toBeInstanceOf(Promise);
    await unready;
    expect(at(BEATS)).toBeGreaterThan(0);
    expect(heartbeat.unready(first)).toBeUndefined();
  });

  it('is not waited for where it can not beat, or for long', async () => {
    const absent = { module: new URL('absent.mjs', import.meta.url).href, data: null };
    const none = subscription({ source: absent, id: 1 });
    heartbeat.keep(none, LEASE);
    await heartbeat.unready(none);
    expect(failures).toHaveLength(1);
    expect(heartbeat.unready(none)).toBeUndefined();
    const dead = subscription({ source: source({ dies: true }), id: 1 });
    heartbeat.keep(dead, LEASE);
    await heartbeat.unready(dead);
    const slow = subscription({ source: source({ silent: true }), id: 1 });
    heartbeat.keep(slow, LEASE);
    const waited = heartbeat.unready(slow);
    await clock.advance(5000);
    await waited;
  });

  it('is not waited for by a subscription that has left', async () => {
    const slow = subscription({ source: source({ silent: true }), id: 1 });
    heartbeat.keep(slow, LEASE);
    const waited = heartbeat.unready(slow);
    await heartbeat.leave(slow);
    expect(clock.pending).toBe(0);
    await waited;
  });

  it('tells of a source that it can not open', async () => {
    const absent = { module: new URL('absent.mjs', import.meta.url).href, data: null };
    heartbeat.keep(subscription({ source: absent, id: 1 }), LEASE);
    heartbeat.keep(subscription({ source: source(), id: 1 }), LEASE);
    await until(() => failures.length > 0);
    await moreBeats();
    expect(failures).toMatchObject([{ error: { message: expect.stringContaining('absent.mjs') as string } }]);
  });
});
