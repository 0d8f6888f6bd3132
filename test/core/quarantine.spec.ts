import type { Delivery } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { engine, QUEUE } from './engine.js';
import type { Faults } from './faulty-broker.js';

/** As a broker hands messages out again after so many deaths of their consumers. */
const afterDeaths = (deaths: (body: string) => number): Faults => ({
  receive: async (next, max, signal) => {
    const deliveries = await next(max, signal);
    return deliveries.map((delivery): Delivery => ({
      ...delivery,
      redelivered: deaths(Buffer.from(delivery.body).toString()),
    }));
  },
  ack: async (next, list) => next(list),
});

describe('a task that was in hand when consumers died', () => {
  it('is dead after maxDeliveries deaths, without another run', async () => {
    let runs = 0;
    const { worker, clock, publish, events, deadLetters, stop } = await engine(() => runs++, {
      faults: afterDeaths(() => 5),
    });
    await publish('x');
    const dead = events.next('dead');
    worker.start();
    await clock.advance(1);
    await dead;
    expect(runs).toBe(0);
    expect(await deadLetters()).toMatchObject([{ code: 'poison', queue: QUEUE }]);
    await stop();
  });

  it('runs like any other after few deaths', async () => {
    let together = 0;
    let most = 0;
    const handler = async (): Promise<void> => {
      most = Math.max(most, ++together);
      await clock.sleep(10);
      together--;
    };
    const { worker, clock, publish, told, stop } = await engine(handler, { faults: afterDeaths(() => 2) });
    await Promise.all(Array.from({ length: 10 }, (_, n) => publish(n)));
    worker.start();
    await clock.advance(100);
    expect(told('done')).toHaveLength(10);
    expect(most).toBe(10);
    await stop();
  });

  it('runs alone among the suspects after several, while the others are put back uncounted and clean tasks flow', async () => {
    const suspect = (body: string): number => (body.includes('suspect') && !body.includes('deliveries') ? 3 : 0);
    let together = 0;
    let most = 0;
    const deaths: number[] = [];
    const handler = async (task: { args: readonly unknown[]; redelivered: number }): Promise<void> => {
      if (task.args[0] !== 'suspect') return;
      deaths.push(task.redelivered);
      most = Math.max(most, ++together);
      await clock.sleep(100);
      together--;
    };
    const { worker, clock, publish, told, stop } = await engine(handler, { faults: afterDeaths(suspect) });
    await Promise.all(Array.from({ length: 5 }, () => publish('suspect')));
    await Promise.all(Array.from({ length: 5 }, () => publish('clean')));
    worker.start();
    await clock.advance(50);
    expect(told('done').map(({ task }) => task.args[0])).toEqual(Array(5).fill('clean'));
    expect(told('deferred')).toHaveLength(4);
    await clock.advance(20_000);
    expect(told('done')).toHaveLength(10);
    expect(most).toBe(1);
    expect(deaths).toEqual([3, 3, 3, 3, 3]);
    await stop();
  });

  it('does not keep other suspects waiting for one whose lease was lost, though its function never ends', async () => {
    let lose = false;
    let deaths = 3;
    const faults: Faults = { ...afterDeaths(() => deaths), extend: async (list) => (lose ? list : []) };
    const handler = (task: { args: readonly unknown[] }): unknown =>
      task.args[0] === 'hangs' ? new Promise(() => undefined) : 1;
    const { worker, clock, publish, told, stop } = await engine(handler, { faults, options: { lease: '3s' } });
    await publish('hangs');
    worker.start();
    await clock.advance(100);
    lose = true;
    await clock.advance(1000);
    expect(told('leaseLost')).toHaveLength(1);
    lose = false;
    await publish('other');
    await clock.advance(1000);
    expect(told('done').map(({ task }) => task.args[0])).toEqual(['other']);
    deaths = 0;
    await stop();
  });
});
