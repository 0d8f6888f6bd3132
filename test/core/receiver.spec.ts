import type { Delivery } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { describe, expect, it } from 'vitest';
import type { Heartbeat } from '../../lib/core/heartbeat/heartbeat.js';
import { QUEUE, engine } from './engine.js';
import type { Faults } from './faulty-broker.js';

describe('the receive loop', () => {
  it('tells of a failure, waits with backoff, goes on, and tells that it has recovered', async () => {
    let failures = 2;
    const faults: Faults = {
      receive: async (next, max, signal) => (failures-- > 0 ? Promise.reject(new Error('gone')) : next(max, signal)),
    };
    const { worker, clock, publish, events, told, names, stop } = await engine(() => 1, { faults });
    await publish('x');
    const done = events.next('done');
    worker.start();
    await clock.advance(1000);
    await done;
    expect(told('brokerError').map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(told('brokerError')[1]!.delay).toBeGreaterThan(told('brokerError')[0]!.delay);
    expect(names().filter((name) => name === 'recovered')).toHaveLength(1);
    await stop();
  });

  it('takes a new subscription when the old one keeps failing, and leaves work in hand with the old one', async () => {
    let subscriptions = 0;
    let broken = false;
    let finish = (_value: unknown): void => undefined;
    const faults: Faults = {
      subscribe: (next, queue, options) => (subscriptions++, next(queue, options)),
      receive: async (next, max, signal) =>
        broken && subscriptions === 1 ? Promise.reject(new Error('dead channel')) : next(max, signal),
    };
    const handler = (): Promise<unknown> => new Promise((resolve) => (finish = resolve));
    const { worker, clock, publish, events, names, stop, broker } = await engine(handler, { faults });
    const started = events.next('started');
    worker.start();
    await publish('x');
    await started;
    broken = true;
    await clock.advance(20_000);
    expect(subscriptions).toBe(2);
    const done = events.next('done');
    finish('fine');
    await done;
    expect(names().filter((name) => name === 'started')).toHaveLength(1);
    expect(await broker.count!('work')).toBe(0);
    await stop();
  });

  it('gives back at once what it received before the heartbeat was ready, when it stops', async () => {
    let calls = 0;
    let received = 0;
    const faults: Faults = {
      receive: async (next, max, signal) => {
        const deliveries = await next(max, signal);
        received += deliveries.length;
        return deliveries;
      },
    };
    const heartbeat = {
      keep: () => undefined,
      unready: () => new Promise<void>(() => undefined),
      leave: async () => undefined,
    } as unknown as Heartbeat;
    const inner = memory();
    const { worker, clock, publish, names } = await engine(() => calls++, { faults, heartbeat, inner });
    await publish('x');
    worker.start();
    await clock.advance(1000);
    expect(received).toBe(1);
    let stopped = false;
    const stopping = worker.stop(0).then(() => (stopped = true));
    await clock.advance(0);
    expect(stopped).toBe(true);
    await stopping;
    expect([calls, names(), clock.pending]).toEqual([0, [], 0]);
    const other = await inner.subscribe(QUEUE, { prefetch: 1, lease: 10_000 });
    expect(await other.receive(1, new AbortController().signal)).toMatchObject([{ redelivered: 0 }]);
  });

  it('gives back what comes after it was to stop', async () => {
    let calls = 0;
    let answer = (): void => undefined;
    const faults: Faults = {
      receive: async (next, max, stop) => {
        const deliveries = await next(max, stop);
        await new Promise<void>((resolve) => (answer = resolve));
        return deliveries;
      },
    };
    const { worker, clock, broker, publish, names, stop } = await engine(() => calls++, { faults });
    await publish('x');
    worker.start();
    await clock.advance(1);
    const stopping = stop();
    answer();
    await stopping;
    expect([calls, names(), await broker.count!(QUEUE)]).toEqual([0, [], 1]);
  });

  it('replaces a subscription that does not answer, and gives back what it answers after all', async () => {
    let answer: ((deliveries: Delivery[]) => void) | undefined;
    let subscriptions = 0;
    const inner = memory();
    const faults: Faults = {
      subscribe: (next, queue, options) => (subscriptions++, next(queue, options)),
      receive: async (next, max, signal) => {
        if (subscriptions > 1) return next(max, signal);
        const deliveries = await next(max, signal);
        return new Promise((resolve) => (answer = () => resolve(deliveries)));
      },
    };
    const { worker, clock, publish, told, names, broker, stop } = await engine(() => 1, { faults, inner });
    await publish('x');
    worker.start();
    await clock.advance(14_000);
    expect(names()).toEqual([]);
    await clock.advance(2000);
    expect(subscriptions).toBe(2);
    expect(told('brokerError')).toMatchObject([{ error: { code: 'FUNQ_BROKER_UNAVAILABLE' } }]);
    answer!([]);
    await clock.advance(1000);
    expect(told('done')).toHaveLength(1);
    expect(await broker.count!('work')).toBe(0);
    await stop();
  });

  it('tries an acknowledgement again, and gives up the subscription when that does not help', async () => {
    let acks = 0;
    let subscriptions = 0;
    const faults: Faults = {
      subscribe: (next, queue, options) => (subscriptions++, next(queue, options)),
      ack: async (next, list) => (++acks > 5 ? next(list) : Promise.reject(new Error('no'))),
    };
    const { worker, clock, publish, names, stop } = await engine(() => 1, { faults });
    await publish('x');
    worker.start();
    await clock.advance(10_000);
    expect(names()).toEqual(['started', 'settleFailed', 'started', 'done']);
    expect(acks).toBe(6);
    expect(subscriptions).toBe(2);
    await stop();
  });

  it('keeps a subscription that lasts, whatever fails, and takes another one at once when it is over', async () => {
    let subscriptions = 0;
    let away = true;
    const faults: Faults = {
      lasting: true,
      subscribe: (next, queue, options) => (subscriptions++, next(queue, options)),
      receive: async (next, max, signal) =>
        away && subscriptions === 1 ? Promise.reject(new Error('away')) : next(max, signal),
    };
    const { worker, clock, publish, events, told, stop } = await engine(() => 1, { faults });
    worker.start();
    await publish('x');
    await clock.advance(60_000);
    expect(told('brokerError').length).toBeGreaterThan(10);
    expect(subscriptions).toBe(1);
    const done = events.next('done');
    faults.lasting = false;
    await clock.advance(6000);
    await done;
    expect(subscriptions).toBe(2);
    away = false;
    await stop();
  });

  it('receives on where a settlement failed that the subscription is to make up for', async () => {
    let subscriptions = 0;
    let away = true;
    const faults: Faults = {
      lasting: true,
      subscribe: (next, queue, options) => (subscriptions++, next(queue, options)),
      ack: async (next, list) => (away ? Promise.reject(new Error('away')) : next(list)),
    };
    const { worker, clock, publish, names, stop } = await engine(() => 1, { faults });
    worker.start();
    await publish('x');
    await clock.advance(10_000);
    away = false;
    await publish('y');
    await clock.advance(1000);
    expect(names()).toEqual(['started', 'settleFailed', 'started', 'done']);
    expect(subscriptions).toBe(1);
    await stop();
  });

  it('tells of a delivery that was no longer ours when it was acknowledged, and does not call it done', async () => {
    const faults: Faults = { ack: async (next, list) => (await next(list), list) };
    const { worker, clock, publish, events, told, stop } = await engine(() => 1, { faults });
    const lost = events.next('leaseLost');
    worker.start();
    await publish('x');
    await clock.advance(1);
    await lost;
    expect(told('done')).toHaveLength(0);
    await stop();
  });

  it('does not subscribe any more when it was stopped before', async () => {
    let subscribed = 0;
    const faults: Faults = { subscribe: (next, ...how) => (subscribed++, next(...how)) };
    const { worker } = await engine(() => undefined, { faults });
    await worker.stop(0);
    await worker.join();
    worker.start();
    expect(subscribed).toBe(0);
  });

  it('keeps leases alive, and aborts a task whose lease was lost; its outcome is ignored', async () => {
    let lose = false;
    let beats = 0;
    let finish = (_value: unknown): void => undefined;
    let signal: AbortSignal | undefined;
    const faults: Faults = { extend: async (list) => (beats++, lose ? list : []) };
    const handler = (task: { signal: AbortSignal }): Promise<unknown> => {
      signal = task.signal;
      return new Promise((resolve) => (finish = resolve));
    };
    const { worker, clock, publish, events, told, names, stop } = await engine(handler, {
      faults,
      options: { lease: '3s' },
    });
    const started = events.next('started');
    worker.start();
    await publish('x');
    await clock.advance(1);
    await started;
    await clock.advance(9000);
    expect(beats).toBe(9);
    expect(signal!.aborted).toBe(false);
    lose = true;
    await clock.advance(1000);
    expect(signal!.reason).toMatchObject({ code: 'FUNQ_LEASE_LOST' });
    expect(told('leaseLost')).toHaveLength(1);
    const late = events.next('late');
    finish('too late');
    expect(await late).toMatchObject({ value: 'too late' });
    expect(names()).not.toContain('done');
    await stop();
  });

  it('tries an acknowledgement again also while the process drains', async () => {
    let acks = 0;
    let finish = (_value: unknown): void => undefined;
    const faults: Faults = { ack: async (next, list) => (++acks > 1 ? next(list) : Promise.reject(new Error('blip'))) };
    const handler = (): Promise<unknown> => new Promise((resolve) => (finish = resolve));
    const { worker, clock, publish, events, names, broker } = await engine(handler, { faults });
    const started = events.next('started');
    worker.start();
    await publish('x');
    await started;
    const stopping = worker.stop(20_000);
    await clock.advance(1000);
    finish('fine');
    await clock.advance(1000);
    await stopping;
    expect([names(), acks, await broker.count!(QUEUE)]).toEqual([['started', 'done'], 2, 0]);
  });

  it('keeps to the grace of running tasks, though the broker does not answer when the process stops', async () => {
    let hangs = false;
    let aborted = NaN;
    const faults: Faults = {
      receive: (next, max, signal) => (hangs ? new Promise(() => undefined) : next(max, signal)),
    };
    const handler = (task: { signal: AbortSignal }): Promise<unknown> => {
      hangs = true;
      task.signal.addEventListener('abort', () => (aborted = clock.monotonic()));
      return new Promise(() => undefined);
    };
    const { worker, clock, publish, told } = await engine(handler, { faults });
    await publish('x');
    worker.start();
    await clock.advance(1000);
    const stopping = worker.stop(2000);
    await clock.advance(20_000);
    await stopping;
    expect([aborted, told('released').length]).toEqual([3000, 1]);
  });
});
