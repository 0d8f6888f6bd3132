import { describe, expect, it } from 'vitest';
import type { FunqPublisher, Outgoing } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, signal, turns } from '../support/app.js';
import { publishingBy } from '../support/brokers.js';

/** The first argument of a task on its way. */
const argumentOf = ({ body }: Outgoing): number =>
  (JSON.parse(Buffer.from(body).toString()) as { args: [number] }).args[0];

const thousand = (funq: FunqPublisher): Promise<string>[] =>
  Array.from({ length: 1000 }, (_, n) => funq.publish('q', [n]));

describe('what is published at the same time', () => {
  it('goes to the broker in few calls, in order', async () => {
    const calls: (readonly Outgoing[])[] = [];
    const broker = publishingBy((real) => (queue, messages) => {
      calls.push(messages);
      return real(queue, messages);
    });
    const { funq } = await boot({}, { brokers: { default: broker } });
    await Promise.all(thousand(funq));
    expect(calls.length).toBeLessThanOrEqual(3);
    expect(calls.flat().map(argumentOf)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    await funq.publishMany(
      'q',
      Array.from({ length: 500 }, (_, n) => [n]),
    );
    expect(calls.length).toBeLessThanOrEqual(5);
  });

  it('gathers while a call is under way, which is never more than one a queue', async () => {
    const sizes: Record<string, number[]> = { a: [], b: [] };
    let flying = 0;
    const gates: (() => void)[] = [];
    const broker = publishingBy((real) => async (queue, messages) => {
      sizes[queue]!.push(messages.length);
      flying++;
      await new Promise<void>((resolve) => gates.push(resolve));
      flying--;
      return real(queue, messages);
    });
    const { funq } = await boot({}, { brokers: { default: broker } });
    const all = [funq.publish('a'), funq.publish('b')];
    await turns();
    expect(flying).toBe(2);
    for (let n = 0; n < 50; n++) all.push(funq.publish('a'), funq.publish('b'));
    await turns();
    expect([flying, sizes]).toEqual([2, { a: [1], b: [1] }]);
    gates.splice(0).forEach((open) => open());
    await turns();
    gates.splice(0).forEach((open) => open());
    await Promise.all(all);
    expect(sizes).toEqual({ a: [1, 50], b: [1, 50] });
  });

  it('settles each by its own fate', async () => {
    const broker = publishingBy((real) => async (queue, messages) => {
      const bad = messages.flatMap((message, index) =>
        argumentOf(message) % 10 === 3 ? [{ index, error: new Error(`no ${argumentOf(message)}`) }] : [],
      );
      await real(
        queue,
        messages.filter((message) => argumentOf(message) % 10 !== 3),
      );
      return bad;
    });
    const { funq, events } = await boot({}, { brokers: { default: broker } });
    let stored = 0;
    events.on('published', ({ count }) => void (stored += count));
    const outcomes = await Promise.allSettled(thousand(funq));
    const failed = outcomes.flatMap((outcome, n) =>
      outcome.status === 'rejected' ? [[n, outcome.reason as Error] as const] : [],
    );
    expect(failed.map(([n]) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n * 10 + 3));
    expect(failed[0]![1]).toMatchObject({
      code: 'FUNQ_PUBLISH_FAILED',
      message: "broker 'default' did not store a message for q: no 3",
      cause: { message: 'no 3' },
    });
    expect(stored).toBe(900);
  });

  it('fails together when the call fails, and the next goes through', async () => {
    let away = true;
    const broker = publishingBy(
      (real) => (queue, messages) => (away ? Promise.reject(new Error('away')) : real(queue, messages)),
    );
    const { funq, events } = await boot({}, { brokers: { default: broker } });
    const told: Error[] = [];
    events.on('publishFailed', ({ error }) => void told.push(error));
    const outcomes = await Promise.allSettled(thousand(funq));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(told.length).toBeLessThanOrEqual(3);
    away = false;
    expect(await funq.publish('q', [], { id: 'after' })).toBe('after');
  });

  it('is refused after the time for publishing has passed, saying that its fate is unknown', async () => {
    const clock = new ManualClock();
    const hang = signal();
    const broker = publishingBy((real) => async (queue, messages) => {
      if (queue === 'slow') await hang.promise;
      return real(queue, messages);
    });
    const { funq } = await boot({}, { brokers: { default: broker }, clock, publishTimeout: '2s' });
    const slow = funq.publish('slow');
    const behind = funq.publish('fine');
    const refused = expect(slow).rejects.toMatchObject({
      code: 'FUNQ_PUBLISH_TIMEOUT',
      message: "broker 'default' did not confirm a message for slow within 2000 ms; it may or may not have been stored",
    });
    await behind;
    await clock.advance(2000);
    await refused;
    hang.resolve();
    await funq.publish('slow');
  });
});

describe('after the app has closed', () => {
  it('publishing and asking are refused', async () => {
    const { funq, close } = await boot({});
    await funq.publish('q');
    await close();
    const closed = { code: 'FUNQ_CLOSED' };
    await expect(funq.publish('q')).rejects.toMatchObject(closed);
    await expect(funq.publishMany('q', [[]])).rejects.toMatchObject({ cause: { errors: [closed] } });
    await expect(funq.ask('q')).rejects.toMatchObject(closed);
  });

  it('what was under way has been stored', async () => {
    const stored: number[] = [];
    const broker = publishingBy((real) => async (queue, messages) => {
      await turns(5);
      stored.push(...messages.map(argumentOf));
      return real(queue, messages);
    });
    const { funq, close } = await boot({}, { brokers: { default: broker } });
    const all = Promise.all(thousand(funq));
    await close();
    await all;
    expect(stored).toHaveLength(1000);
  });
});
