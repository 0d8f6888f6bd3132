import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Admin, Consumer as GroupMember, Producer } from '@platformatic/kafka';
import { afterEach, expect, it } from 'vitest';
import { Consumer, FunqModule, type Broker, type Outgoing, type Subscription } from 'nestjs-funq';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { SystemClock } from '../../lib/core/system-clock.js';
import { bootModule } from '../nest/support/app.js';
import { FastClock } from '../services/fast-clock.js';
import { withService } from '../services/service.js';

const system = new SystemClock();
const PATIENCE = 30_000;
const LIMIT = { timeout: 60_000 };
const HOUR = 3_600_000;

withService('kafka', (brokers) => {
  const client = { clientId: 'test', bootstrapBrokers: [brokers] };
  const admin = new Admin(client);
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  });
  const fresh = (): string => `t${randomUUID().slice(0, 8)}-`;

  async function open(options: Partial<KafkaOptions>, clock = system): Promise<Broker> {
    const broker = kafka({ brokers, session: 3000, partitions: 1, ...options });
    await broker.connect({ clock });
    endings.push(() => broker.close());
    return broker;
  }

  const join = (broker: Broker, queue: string): Promise<Subscription> =>
    broker.subscribe(queue, { prefetch: 5000, lease: 3000 });

  const message = (text: string, delay = 0): Outgoing => ({ id: randomUUID(), body: Buffer.from(text), delay });

  async function publish(broker: Broker, queue: string, messages: readonly Outgoing[]): Promise<void> {
    expect(await broker.publish(queue, messages)).toEqual([]);
  }

  /** Takes and acknowledges until `enough`. */
  async function collect(
    from: readonly Subscription[],
    enough: (seen: readonly string[]) => boolean,
  ): Promise<string[]> {
    const seen: string[] = [];
    const end = system.monotonic() + PATIENCE;
    await Promise.all(
      from.map(async (subscription) => {
        while (!enough(seen) && system.monotonic() < end) {
          const taken = await subscription.receive(1000, AbortSignal.timeout(500));
          seen.push(...taken.map(({ body }) => Buffer.from(body).toString()));
          await subscription.ack(taken);
        }
      }),
    );
    expect(enough(seen)).toBe(true);
    return seen;
  }

  /** Messages that tell when they are due, and by how much they were late, the worst first. */
  const dated = (count: number, delay: () => number): Outgoing[] =>
    Array.from({ length: count }, (_, n) => {
      const ms = Math.round(delay());
      return message(JSON.stringify({ n, due: system.now() + ms }), ms);
    });

  it('long delays hold up no short ones, however many they are', LIMIT, async () => {
    const [queue, broker] = ['jobs', await open({ prefix: fresh() })];
    const subscription = await join(broker, queue);
    for (let n = 0; n < 5; n++)
      await publish(
        broker,
        queue,
        Array.from({ length: 800 }, () => message('far', HOUR)),
      );
    for (let n = 0; n < 5; n++)
      await publish(
        broker,
        queue,
        Array.from({ length: 800 }, () => message('soon', 7000)),
      );
    await publish(broker, queue, [message('a', 600), message('b', 300)]);
    const started = system.monotonic();
    expect(await collect([subscription], (seen) => seen.length >= 2)).toEqual(['b', 'a']);
    expect(system.monotonic() - started).toBeLessThan(3000);
    const rest = await collect([subscription], (seen) => seen.length >= 4000);
    expect(rest.every((text) => text === 'soon')).toBe(true);
    expect(await broker.count!(queue)).toBe(0);
  });

  it('processes come and go: each message comes once, and in time', LIMIT, async () => {
    const [queue, prefix] = ['jobs', fresh()];
    const [first, second] = [await open({ prefix, partitions: 2 }), await open({ prefix, partitions: 2 })];
    await publish(
      first,
      queue,
      dated(600, () => 200 + Math.random() * 8000),
    );
    const leaving = await join(first, queue);
    const late: number[] = [];
    const names = new Set<number>();
    const note = (texts: readonly string[]): void => {
      for (const { n, due } of texts.map((text) => JSON.parse(text) as { n: number; due: number })) {
        expect(names.has(n)).toBe(false);
        names.add(n);
        late.push(system.now() - due);
      }
    };
    const follow = async (subscription: Subscription, until: () => boolean): Promise<void> => {
      for (const end = system.monotonic() + PATIENCE; !until() && system.monotonic() < end;) {
        const taken = await subscription.receive(1000, AbortSignal.timeout(200));
        note(taken.map(({ body }) => Buffer.from(body).toString()));
        await subscription.ack(taken);
      }
    };
    await follow(leaving, () => names.size >= 50);
    const staying = await join(second, queue);
    const both = () => names.size >= 250;
    await Promise.all([follow(leaving, both), follow(staying, both)]);
    await first.close();
    await follow(staying, () => names.size >= 600);
    expect(names.size).toBe(600);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...late)).toBeLessThan(4000);
  });

  it('a group that went on without its mover loses nothing', LIMIT, async () => {
    const [queue, prefix] = ['jobs', fresh()];
    const broker = await open({ prefix });
    const subscription = await join(broker, queue);
    await publish(
      broker,
      queue,
      dated(300, () => 1500 + Math.random() * 1500),
    );
    await publish(broker, queue, [message('joined')]);
    await collect([subscription], (seen) => seen.length >= 1);
    await expect
      .poll(async () => (await admin.describeGroups({ groups: [`${prefix}funq_delays`] })).get(`${prefix}funq_delays`)?.members.size)
      .toBe(1); // prettier-ignore
    await admin.removeMembersFromConsumerGroup({ groupId: `${prefix}funq_delays` });
    const seen = await collect([subscription], (texts) => new Set(texts).size >= 300);
    expect(new Set(seen).size).toBe(300);
  });

  it('goes down all levels by the clock that it was given', LIMIT, async () => {
    const clock = new FastClock(100);
    const [queue, broker] = ['jobs', await open({ prefix: fresh() }, clock)];
    const subscription = await join(broker, queue);
    const delay = 700_000;
    const due = clock.now() + delay;
    await publish(broker, queue, [message('minutes', delay), message('days', 50 * HOUR)]);
    expect(await collect([subscription], (seen) => seen.length >= 1)).toEqual(['minutes']);
    expect(clock.now()).toBeGreaterThanOrEqual(due);
    expect(clock.now() - due).toBeLessThan(300_000);
  });

  it('what others write there is passed over, and what a topic refuses holds up nothing', LIMIT, async () => {
    const [queue, prefix] = ['jobs', fresh()];
    const broker = await open({ prefix });
    const subscription = await join(broker, queue);
    const producer = new Producer(client);
    endings.push(() => producer.close());
    const head = Buffer.from(JSON.stringify({ to: 'not a topic', due: 1, until: 1 }));
    const astray = Buffer.concat([Buffer.from([0, 0, 0, head.length]), head, Buffer.from('body')]);
    for (const value of [Buffer.from([0xff]), Buffer.from('plain text'), Buffer.from('\0\0\0\x02{}x'), astray])
      await producer.send({ messages: [{ topic: `${prefix}funq_delays`, partition: 0, value }], acks: 1 });
    await publish(broker, queue, [message('good', 200)]);
    expect(await collect([subscription], (seen) => seen.length >= 1)).toEqual(['good']);
  });

  it('who may not move what is due is refused to delay, with the reason', LIMIT, async () => {
    const [queue, prefix] = ['jobs', fresh()];
    const stranger = new GroupMember({ ...client, groupId: `${prefix}funq_delays` });
    endings.push(() => stranger.close(true));
    await stranger.joinGroup();
    const broker = await open({ prefix });
    const subscription = await join(broker, queue);
    const outcome = (): Promise<unknown> =>
      broker.publish(queue, [message('later', 300)]).catch(({ code }: { code: string }) => code);
    await expect.poll(outcome, { timeout: PATIENCE }).toBe('FUNQ_KAFKA_INCONSISTENT_GROUP_PROTOCOL');
    await publish(broker, queue, [message('now')]);
    await stranger.close(true);
    await collect([subscription], (seen) => seen.includes('now') && seen.includes('later'));
    await expect.poll(outcome, { timeout: PATIENCE }).toEqual([]);
  });

  it('there are none where topics may not be created, unless they are asked for', () => {
    const delay = (options: Partial<KafkaOptions>): boolean => kafka({ brokers, ...options }).features.delay;
    expect([delay({}), delay({ delays: false })]).toEqual([true, false]);
    expect([delay({ createTopics: false }), delay({ createTopics: false, delays: true })]).toEqual([false, true]);
  });

  it('a task that waits for its next try leaves its place to others', LIMIT, async () => {
    const order: string[] = [];
    @Injectable()
    class Jobs {
      @Consumer({ queue: 'jobs', concurrency: 1, retry: { times: 1, delay: 1500, jitter: 0 } })
      async job(name: string): Promise<void> {
        order.push(name);
        if (order.length === 1) throw new Error('once');
      }
    }
    const broker = kafka({ brokers, session: 3000, partitions: 1, prefix: fresh() });
    const { funq } = await bootModule({
      imports: [FunqModule.forRoot({ brokers: { default: broker } })],
      providers: [Jobs],
    });
    for (const name of ['a', 'b', 'c']) await funq.publish('jobs', [name]);
    await expect.poll(() => order, { timeout: PATIENCE }).toEqual(['a', 'b', 'c', 'a']);
  });
});
