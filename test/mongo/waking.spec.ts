import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { mongo } from 'nestjs-funq/mongo';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LEASE = 30_000;

/** A machine that stood still for `ahead` milliseconds. */
class WokenClock extends SystemClock {
  ahead = 0;

  override monotonic(): number {
    return super.monotonic() + this.ahead;
  }
}

withService('mongo', (url) => {
  it('what a consumer takes by a claim that stood still until it was given up is neither handed out nor acknowledged', async () => {
    const collection = `t${randomUUID().slice(0, 8)}`;
    const [broker, clock] = [mongo({ url, collection }), new WokenClock()];
    await broker.connect({ clock });
    const connection = await mongoose.createConnection(url).asPromise();
    const tasks = connection.db!.collection(`${collection}_tasks`);
    const consumers = connection.db!.collection(`${collection}_consumers`);
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: LEASE });
    const receive = (): Promise<Delivery[]> => subscription.receive(10, new AbortController().signal);
    await broker.publish('q', [{ id: 'a', body: Buffer.from('a') }]);
    const [before] = await receive();

    await consumers.deleteMany({});
    await tasks.updateMany({}, { $set: { state: 'ready' }, $unset: { owner: '' } });
    const { prototype } = mongoose.mongo.Collection;
    const claim = prototype.updateMany as (...args: unknown[]) => Promise<unknown>;
    let late: readonly Delivery[] = [];
    const spy = vi.spyOn(prototype, 'updateMany').mockImplementationOnce(async function (
      this: unknown,
      ...args: unknown[]
    ) {
      const claimed = await claim.apply(this, args);
      clock.ahead = LEASE;
      late = await subscription.ack([before!]);
      return claimed;
    } as never);
    onTestFinished(() => spy.mockRestore());
    const after = await receive();
    expect(late).toEqual([before]);
    expect(await tasks.countDocuments()).toBe(1);
    expect(after.map(({ redelivered }) => redelivered)).toEqual([1]);
    expect(await subscription.ack(after)).toEqual([]);
    expect(await tasks.countDocuments()).toBe(0);
  });
});
