import { describe, expect, it } from 'vitest';
import type { Broker } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { Backlog } from '../../lib/core/counters/backlog.js';
import { Events } from '../../lib/core/events.js';

function backlog(count: Broker['count']) {
  const [clock, events] = [new ManualClock(), new Events()];
  const told: unknown[] = [];
  events.on('countFailed', (event) => told.push(event));
  const broker: Broker = { ...memory(), count };
  return { clock, told, backlog: new Backlog({ queue: 'jobs', broker, name: 'default', clock, events }) };
}

describe('what waits in a queue', () => {
  it('is asked once a second, however many want to know, or when something has happened here', async () => {
    let asked = 0;
    const { clock, backlog: queue } = backlog(async () => ++asked);
    expect(await Promise.all([queue.waiting(0), queue.waiting(0), queue.waiting(0)])).toEqual([1, 1, 1]);
    await clock.advance(999);
    expect(await queue.waiting(0)).toBe(1);
    await clock.advance(1);
    expect(await queue.waiting(0)).toBe(2);
    expect(await Promise.all([queue.waiting(5), queue.waiting(6)])).toEqual([3, 3]);
    expect(await queue.waiting(6)).toBe(4);
    expect(await queue.waiting(6)).toBe(4);
    expect(clock.pending).toBe(0);
  });

  it('is unknown where the broker can not count, and nobody is told', async () => {
    const { told, backlog: queue } = backlog(undefined);
    expect([await queue.waiting(0), told]).toEqual([undefined, []]);
  });

  it('is unknown when the broker is away or hangs: asked by one call at a time, told once until it answers again', async () => {
    let [asked, answer] = [0, (): Promise<number> => Promise.reject(new Error('away'))];
    const { clock, told, backlog: queue } = backlog(() => (asked++, answer()));
    for (let n = 0; n < 3; n++) {
      expect(await queue.waiting(0)).toBeUndefined();
      await clock.advance(1000);
    }
    expect([asked, told]).toMatchObject([3, [{ queue: 'jobs', broker: 'default', error: { message: 'away' } }]]);
    answer = async () => 7;
    expect(await queue.waiting(0)).toBe(7);
    await clock.advance(1000);
    answer = () => new Promise(() => {});
    const waits = [queue.waiting(0)];
    for (let n = 0; n < 4; n++) {
      await clock.advance(1000);
      waits.push(queue.waiting(0));
    }
    await clock.advance(1000);
    expect(await Promise.all(waits)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(asked).toBe(5);
    expect(told[1]).toMatchObject({ error: { message: "broker 'default' did not count jobs within 5000 ms" } });
    expect(clock.pending).toBe(0);
  });
});
