import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Admin } from '@platformatic/kafka';
import { expect, it, onTestFinished } from 'vitest';
import { Consumer, FunqModule, type Delivery, type Subscription } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { startPrivate, type PrivateServer } from '../../scripts/services/index.mjs';
import { KafkaMember } from '../../lib/brokers/kafka/member.js';
import type { KafkaSettings } from '../../lib/brokers/kafka/options.js';
import { seatIn } from '../../lib/brokers/kafka/seat.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { bootModule } from '../nest/support/app.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();
/** Milliseconds from the server's first answer to the next task. */
const RESUMED = 5000;
const PATIENCE = 30_000;

async function ownServer(): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), 'funq-kafka-'));
  const server = await startPrivate('kafka', { folder });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return server;
}

const NEVER = new AbortController().signal;

/** Also while the server is just coming up. */
async function receiveOne(subscription: Subscription): Promise<Delivery> {
  for (;;) {
    const [delivery] = await subscription.receive(1, NEVER).catch(() => []);
    if (delivery) return delivery;
  }
}

withService('kafka', () => {
  it(
    'a member that was closed while the server was away does not stay when it is back',
    { timeout: 120_000 },
    async () => {
      const server = await ownServer();
      const client = { bootstrapBrokers: [server.url], requestTimeout: 5000, connectTimeout: 5000, retries: 10 };
      const admin = new Admin({ ...client, clientId: 'test' });
      onTestFinished(() => admin.close());
      const group = async (): Promise<string[]> => [
        ...((await admin.describeGroups({ groups: ['workers'] })).get('workers')?.members.keys() ?? []),
      ];
      await admin.createTopics({ topics: ['jobs'], partitions: 1, replicas: 1 });
      const member = new KafkaMember({
        clock,
        client: { ...client, clientId: 'closed' } as KafkaSettings['client'],
        seat: seatIn('workers'),
        topic: 'jobs',
        session: 6000,
        held: () => [],
        joined: () => undefined,
        answered: () => undefined,
        silent: () => undefined,
        failed: () => undefined,
      });
      await member.join();
      await server.stop();
      await member.close();
      await server.start();
      // As the client does by itself when it was joining meanwhile.
      await member.consumer.joinGroup();
      await expect.poll(() => group().catch(String), { timeout: PATIENCE }).toEqual([]);
    },
  );

  it(
    'what is in hand while the server is restarted stays in hand, and what is done meanwhile is stored afterwards',
    { timeout: 120_000 },
    async () => {
      const server = await ownServer();
      const connected = async () => {
        const broker = kafka({ brokers: server.url, partitions: 1 });
        await broker.connect({ clock });
        onTestFinished(() => broker.close());
        return broker;
      };
      const body = Buffer.from('x');
      const names = ['done before', 'done meanwhile', 'given back meanwhile', 'done afterwards', 'still out'];
      const broker = await connected();
      await broker.publish('jobs', names.map((id) => ({ id, body }))); // prettier-ignore
      const subscription = await broker.subscribe('jobs', { prefetch: 10, lease: 6000 });
      const taken: Delivery[] = [];
      while (taken.length < names.length) taken.push(...(await subscription.receive(10, NEVER)));
      const [before, meanwhile, returned, afterwards] = taken.map((delivery) => [delivery]);
      await subscription.ack(before!);
      await server.stop();
      await expect(subscription.ack(meanwhile!)).rejects.toMatchObject({ away: true });
      await expect(subscription.release(returned!)).rejects.toMatchObject({ away: true });
      await server.start();
      await expect.poll(() => subscription.ack(afterwards!).catch(String), { timeout: PATIENCE }).toEqual([]);
      expect(subscription.lasting).toBe(true);
      const again = await receiveOne(subscription);
      expect(again).toMatchObject({ body, receipt: returned![0]!.receipt, redelivered: 0 });
      await subscription.close();
      const other = await (await connected()).subscribe('jobs', { prefetch: 10, lease: 6000 });
      const left = [await receiveOne(other), await receiveOne(other)];
      // As often as they were handed out here.
      expect(left.map(({ redelivered }) => redelivered)).toEqual([1, 1]);
    },
  );

  it(
    'what was done while the server was away is stored when it is back, also where nothing more is received or done',
    { timeout: 120_000 },
    async () => {
      const server = await ownServer();
      const admin = new Admin({ bootstrapBrokers: [server.url], clientId: 'test', retries: 10 });
      onTestFinished(() => admin.close());
      const stored = async (): Promise<bigint | undefined> => {
        const groups = [{ groupId: 'funq.jobs', topics: [{ name: 'jobs', partitionIndexes: [0] }] }];
        const [found] = await admin.listConsumerGroupOffsets({ groups });
        return found?.topics[0]?.partitions[0]?.committedOffset;
      };
      const broker = kafka({ brokers: server.url, partitions: 1, delays: false });
      await broker.connect({ clock });
      onTestFinished(() => broker.close());
      await broker.publish('jobs', [{ id: 'x', body: Buffer.from('x') }]);
      const subscription = await broker.subscribe('jobs', { prefetch: 10, lease: 6000 });
      const done = [await receiveOne(subscription)];
      await server.stop();
      await expect(subscription.ack(done)).rejects.toMatchObject({ away: true });
      await server.start();
      await expect.poll(() => stored().catch(String), { timeout: PATIENCE }).toBe(1n);
    },
  );

  it(
    'an app goes on by itself when its server was restarted or killed, and loses nothing',
    { timeout: 240_000 },
    async () => {
      const server = await ownServer();
      const seen = new Set<string>();
      @Injectable()
      class Jobs {
        @Consumer({ queue: 'jobs', concurrency: 10 })
        async job(name: string): Promise<void> {
          seen.add(name);
        }
      }
      const { funq, close } = await bootModule({
        imports: [FunqModule.forRoot({ brokers: { default: kafka({ brokers: server.url }) } })],
        providers: [Jobs],
      });
      let over = false;
      onTestFinished(() => {
        over = true;
        return close();
      });

      const stored: string[] = [];
      /** Publishes until `met`, also while the server is away; notes what was taken. */
      const publishUntil = async (name: string, met: () => unknown, delay = 0): Promise<void> => {
        for (let n = 0; !met() && !over; n++) {
          try {
            await funq.publish('jobs', [`${name}${n}`], { delay });
            stored.push(`${name}${n}`);
          } catch {
            await clock.sleep(50);
          }
        }
      };
      const begin = (names: Iterable<string>, name: string): number =>
        [...names].filter((each) => each.startsWith(name)).length;

      await publishUntil('before', () => begin(seen, 'before') > 0);
      for (const [name, end] of [
        ['stopped', () => server.stop()],
        ['killed', () => server.kill()],
      ] as const) {
        let back = false;
        const meanwhile = publishUntil(`${name}, meanwhile `, () => back);
        await publishUntil(`${name}, delayed `, () => begin(stored, `${name}, delayed`) >= 20, 2000);
        await end();
        await server.start();
        back = true;
        const answered = clock.monotonic();
        await publishUntil(`${name}, after `, () => begin(seen, `${name}, after`) > 0);
        expect(clock.monotonic() - answered).toBeLessThan(RESUMED);
        await meanwhile;
      }
      await expect.poll(() => stored.filter((name) => !seen.has(name)), { timeout: PATIENCE }).toEqual([]);
    },
  );
});
