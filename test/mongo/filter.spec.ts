import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TaskResult } from 'nestjs-funq';
import { mongoCoordination, mongoResults } from 'nestjs-funq/stores/mongo';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();
const result: TaskResult = {
  ...({ id: 'a', queue: 'q', status: 'done', attempts: 1, host: 'h', pid: 1 } as const),
  publishedAt: 1,
  startedAt: 2,
  finishedAt: Date.now(),
};

withService('mongo', (url) => {
  async function opened() {
    const store = mongoCoordination({ url, collection: `f${randomUUID().slice(0, 8)}` });
    onTestFinished(() => store.close());
    await store.connect({ clock });
    return store;
  }

  describe('a mark', () => {
    it.each([Number.MAX_SAFE_INTEGER, 1e300])('that is to stay for %d ms stays', async (ms) => {
      const store = await opened();
      expect(await store.confirm('k', 'a', ms)).toBe(true);
      expect(await store.claim('k', 'b', 1000)).toEqual({ state: 'done', own: false });
      expect(await store.claim('l', 'a', ms)).toEqual({ state: 'claimed' });
      expect(await store.claim('l', 'b', 1000)).toEqual({ state: 'running' });
    });

    it('is written without an operator that is empty: servers before 5.0 refuse it', async () => {
      const store = await opened();
      const { prototype } = mongoose.mongo.Collection;
      const writes = vi.spyOn(prototype, 'updateOne');
      onTestFinished(() => writes.mockRestore());
      await store.confirm('k', 'a', 1000, Buffer.from('v'));
      for (const [, change] of writes.mock.calls)
        for (const operator of Object.values(change as object)) expect(operator).not.toEqual({});
      expect(writes).toHaveBeenCalled();
    });
  });

  it('a whole batch that is there already is saved again without a call for each record', async () => {
    const store = mongoResults({ url, collection: `r${randomUUID().slice(0, 8)}` });
    onTestFinished(() => store.close());
    await store.connect({ clock });
    const batch = Array.from({ length: 500 }, (_, n) => ({ ...result, id: `${n}` }));
    await store.save(batch);
    const single = vi.spyOn(mongoose.mongo.Collection.prototype, 'replaceOne');
    onTestFinished(() => single.mockRestore());
    const later = { ...result, id: '7', status: 'dead' } as const;
    expect(await store.save([...batch.filter(({ id }) => id !== '7'), later])).toEqual([]);
    expect(single.mock.calls.length).toBeLessThan(5);
    expect((await store.find('7'))?.status).toBe('dead');
    expect(await store.counts({ per: 'day' })).toMatchObject([
      { status: 'dead', count: 1 },
      { status: 'done', count: 500 },
    ]);
  });

  it('an outcome is counted whose first answer got lost', async () => {
    const store = mongoResults({ url, collection: `r${randomUUID().slice(0, 8)}` });
    onTestFinished(() => store.close());
    await store.connect({ clock });
    const { prototype } = mongoose.mongo.Collection;
    const original = prototype.bulkWrite as (...args: unknown[]) => Promise<unknown>;
    const lost = vi.spyOn(prototype, 'bulkWrite').mockImplementationOnce(async function (
      this: unknown,
      ...args: unknown[]
    ) {
      await original.apply(this, args);
      throw new mongoose.mongo.MongoNetworkError('the connection was reset');
    } as never);
    onTestFinished(() => lost.mockRestore());
    await expect(store.save([result])).rejects.toMatchObject({ away: true });
    expect(await store.save([result])).toEqual([]);
    expect(await store.save([result])).toEqual([]);
    expect(await store.counts({ per: 'day' })).toMatchObject([{ count: 1 }]);
  });
});
