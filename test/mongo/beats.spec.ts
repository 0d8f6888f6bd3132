import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import type { Delivery, Subscription } from 'nestjs-funq';
import { mongo } from 'nestjs-funq/mongo';
import { ManualClock } from 'nestjs-funq/testing';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

/** What one look brings. */
function look(subscription: Subscription): Promise<Delivery[]> {
  const once = new AbortController();
  const received = subscription.receive(1, once.signal);
  once.abort();
  return received;
}

withService('mongo', (url) => {
  it('becomes one new consumer, however many signs of life find that the old one was given up', async () => {
    const collection = `t${randomUUID().slice(0, 8)}`;
    const broker = mongo({ url, collection });
    await broker.connect({ clock: new SystemClock() });
    const connection = await mongoose.createConnection(url).asPromise();
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    const consumers = connection.db!.collection(`${collection}_consumers`);
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 30_000 });
    await consumers.deleteMany({});
    await Promise.all([1, 2, 3].map(() => subscription.extend!([])));
    expect(await consumers.countDocuments()).toBe(1);
  });

  it('takes nobody for dead who could not show a sign of life for a lease, as nobody could', async () => {
    const collection = `t${randomUUID().slice(0, 8)}`;
    const clock = new ManualClock();
    const subscribed = async () => {
      const broker = mongo({ url, collection });
      onTestFinished(() => broker.close());
      await broker.connect({ clock });
      return { broker, subscription: await broker.subscribe('q', { prefetch: 10, lease: 9000 }) };
    };
    const { broker, subscription: owner } = await subscribed();
    const { subscription: other } = await subscribed();
    await broker.publish('q', [{ id: '1', body: Buffer.from('a') }]);
    const held = await owner.receive(1, new AbortController().signal);
    expect(held).toHaveLength(1);
    await Promise.all([owner.extend!(held), other.extend!([])]);
    expect(await look(other)).toEqual([]);

    await clock.advance(20_000);
    for (const ms of [0, 50, 950, 1000]) {
      await clock.advance(ms);
      expect(await look(other)).toEqual([]);
    }
    expect(await owner.extend!(held)).toEqual([]);
    expect(await owner.ack(held)).toEqual([]);

    await broker.publish('q', [{ id: '2', body: Buffer.from('b') }]);
    await owner.receive(1, new AbortController().signal);
    for (let ms = 0; ms <= 20_000; ms += 1000) {
      await clock.advance(1000);
      await other.extend!([]);
      const [taken] = await look(other);
      if (taken) return expect(ms).toBeGreaterThanOrEqual(8000);
    }
    expect.unreachable('one that is silent alone is taken for dead');
  });
});
