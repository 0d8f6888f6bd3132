import type { Delivery, Subscription } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { expect, it } from 'vitest';
import type { Heartbeat } from '../../lib/core/heartbeat/heartbeat.js';
import { Session } from '../../lib/core/consuming/session.js';

const sessionOf = (
  subscription: Subscription,
  clock: ManualClock,
  heartbeat?: Heartbeat,
  closed = (): void => undefined,
): Session =>
  new Session(
    subscription,
    {
      queue: 'q',
      broker: memory(),
      name: 'default',
      clock,
      lease: 3000,
      prefetch: 1,
      heartbeat,
      lost: () => undefined,
    },
    closed,
  );

it('A session has its pulse looked at when it opens, after each receive and extend, and left before it closes', async () => {
  const steps: string[] = [];
  const step =
    <T>(name: string, result: T) =>
    async (): Promise<T> => {
      steps.push(name);
      return result;
    };
  const delivery: Delivery = { body: new Uint8Array(), receipt: 1, redelivered: 0 };
  const subscription: Subscription = {
    receive: step('receive', [delivery]),
    ack: step('ack', []),
    release: step('release', []),
    extend: step('extend', []),
    close: step('close', undefined),
  };
  const heartbeat = {
    keep: (kept: Subscription, lease: number) => void steps.push(`keep ${kept === subscription} ${lease}`),
    unready: step('ready', undefined),
    leave: step('leave', undefined),
  } as unknown as Heartbeat;
  const clock = new ManualClock();
  const session = sessionOf(subscription, clock, heartbeat);
  const [taken] = await session.receive(1, new AbortController().signal);
  const held = session.hold(taken!);
  await clock.advance(1000);
  await held.ack();
  await session.close();
  await clock.advance(3000);
  const keep = 'keep true 3000';
  expect(steps).toEqual([keep, 'receive', keep, 'ready', 'extend', keep, 'ack', 'leave', 'close']);
});

it('What was received is handed out when another thread can keep it', async () => {
  const delivery: Delivery = { body: new Uint8Array(), receipt: 1, redelivered: 0 };
  const subscription = {
    receive: async () => [delivery],
    close: async () => undefined,
  } as unknown as Subscription;
  let ready = (): void => undefined;
  const heartbeat = {
    keep: () => undefined,
    unready: () => new Promise<void>((resolve) => (ready = resolve)),
    leave: async () => undefined,
  } as unknown as Heartbeat;
  const clock = new ManualClock();
  const session = sessionOf(subscription, clock, heartbeat);
  let taken: Delivery[] | undefined;
  const receiving = session.receive(1, new AbortController().signal).then((list) => (taken = list));
  await clock.advance(1000);
  expect(taken).toBeUndefined();
  ready();
  expect(await receiving).toEqual([delivery]);
  await session.close();
});

it('What was received and waits for a thread goes back with a session that closes', async () => {
  const subscription = {
    receive: async () => [{ body: new Uint8Array(), receipt: 1, redelivered: 0 }],
    close: async () => undefined,
  } as unknown as Subscription;
  let left = (): void => undefined;
  const heartbeat = {
    keep: () => undefined,
    unready: () => new Promise<void>((resolve) => (left = resolve)),
    leave: async () => left(),
  } as unknown as Heartbeat;
  const clock = new ManualClock();
  const session = sessionOf(subscription, clock, heartbeat);
  const receiving = session.receive(1, new AbortController().signal);
  await clock.advance(1000);
  await session.close();
  expect(await receiving).toEqual([]);
});

it('What was received is not kept from a caller that stops, whether a thread can keep it or not', async () => {
  const delivery: Delivery = { body: new Uint8Array(), receipt: 1, redelivered: 0 };
  const subscription = {
    receive: async () => [delivery],
    close: async () => undefined,
  } as unknown as Subscription;
  const heartbeat = {
    keep: () => undefined,
    unready: () => new Promise<void>(() => undefined),
    leave: async () => undefined,
  } as unknown as Heartbeat;
  const clock = new ManualClock();
  const session = sessionOf(subscription, clock, heartbeat);
  const stop = new AbortController();
  const taken: Delivery[] = [];
  const receive = async (): Promise<void> => void taken.push(...(await session.receive(1, stop.signal)));
  void receive();
  await clock.advance(1000);
  expect(taken).toEqual([]);
  stop.abort();
  void receive();
  await clock.advance(0);
  expect(taken).toEqual([delivery, delivery]);
  await session.close();
});

it('An answer that came after its deadline is the true one, whatever a second try would say', async () => {
  const clock = new ManualClock();
  const answers: ((lost: readonly Delivery[]) => void)[] = [];
  const delivery: Delivery = { body: new Uint8Array(), receipt: 1, redelivered: 0 };
  const subscription: Subscription = {
    receive: async () => [delivery],
    ack: () => new Promise((resolve) => answers.push(resolve)),
    release: async () => [],
    close: async () => undefined,
  };
  const session = sessionOf(subscription, clock);
  const settled = [session.hold(delivery).ack(), session.hold({ ...delivery }).ack()];
  await clock.advance(3000);
  expect(answers).toHaveLength(1);
  answers[0]!([]);
  await expect(Promise.all(settled)).resolves.toEqual([true, true]);
  await clock.advance(30_000);
  expect(answers).toHaveLength(1);

  const third = session.hold(delivery).ack();
  await clock.advance(10_000);
  expect(answers.length).toBeGreaterThan(2);
  // The first that answers, while another try is under way.
  answers[1]!([delivery]);
  await expect(third).resolves.toBe(false);
  await session.close();
});

it('What was received and waits for a thread is kept by the signs of life, and not handed out when it is lost', async () => {
  const clock = new ManualClock();
  const [kept, lost] = [1, 2].map((receipt): Delivery => ({ body: new Uint8Array(), receipt, redelivered: 0 }));
  const signs: (readonly Delivery[])[] = [];
  const subscription: Subscription = {
    receive: async () => [kept!, lost!],
    ack: async () => [],
    release: async () => [],
    extend: async (list) => (signs.push(list), [lost!]),
    close: async () => undefined,
  };
  let ready = (): void => undefined;
  const heartbeat = {
    keep: () => undefined,
    unready: () => new Promise<void>((resolve) => (ready = resolve)),
    leave: async () => undefined,
  } as unknown as Heartbeat;
  const session = sessionOf(subscription, clock, heartbeat);
  const receiving = session.receive(2, new AbortController().signal);
  await clock.advance(2000);
  expect(signs).toEqual([[kept, lost], [kept]]);
  ready();
  expect(await receiving).toEqual([kept]);
  await session.close();
});

it('A session of which nothing more is to be received ends with its last delivery, also when that is lost', async () => {
  const clock = new ManualClock();
  const delivery: Delivery = { body: new Uint8Array(), receipt: 1, redelivered: 0 };
  const subscription: Subscription = {
    receive: async () => [delivery],
    ack: async () => [],
    release: async () => [],
    extend: async (list) => list,
    close: async () => undefined,
  };
  let closed = false;
  const session = sessionOf(subscription, clock, undefined, () => (closed = true));
  session.hold(delivery);
  session.retire();
  await clock.advance(1000);
  expect([closed, clock.pending]).toEqual([true, 0]);
});
