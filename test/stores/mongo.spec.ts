import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CountQuery, TaskResult } from 'nestjs-funq';
import { mongoCoordination, mongoResults, type MongoResultStore } from 'nestjs-funq/stores/mongo';
import { ManualClock, conforms, coordinationConformance, resultConformance } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

const runner = { describe, it };
const times = { publishedAt: 1, startedAt: 2, finishedAt: 3 };
const refused = {
  ...({ id: randomUUID(), queue: 'q', status: 'done', attempts: 1, host: 'h', pid: 1 } as const),
  ...times,
  value: Buffer.alloc(16 * 2 ** 20),
};

withService('mongo', (url) => {
  const options = { url, collection: `s${randomUUID().slice(0, 8)}` };
  conforms('mongo coordination', coordinationConformance({ create: () => mongoCoordination(options) }), runner);
  conforms(
    'mongo results',
    resultConformance({ create: () => mongoResults(options), followsClock: true, refused }),
    runner,
  );

  describe('counts', () => {
    const at = Date.UTC(2030, 0, 1, 23, 59, 59, 500);
    const ended = (id: string, more: Partial<TaskResult> = {}): TaskResult =>
      ({ ...refused, value: undefined, id, finishedAt: at, ...more }) as TaskResult;

    async function counting(): Promise<MongoResultStore> {
      const store = mongoResults({ url, collection: `c${randomUUID().slice(0, 8)}` });
      onTestFinished(() => store.close());
      await store.connect({ clock: new ManualClock() });
      return store;
    }

    it('outcomes by second, minute, hour and day, queue and status', async () => {
      const store = await counting();
      await store.save([ended('a'), ended('b'), ended('c', { status: 'dead' }), ended('d', { finishedAt: at + 1000 })]);
      await store.save([ended('e', { queue: 'other' })]);
      const read = async (query: CountQuery): Promise<unknown[]> =>
        (await store.counts(query)).map((each) => [each.at, each.queue, each.status, each.count]);
      for (const per of ['second', 'minute', 'hour', 'day'] as const) {
        const length = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }[per];
        const begin = Math.floor(at / length) * length;
        const next = begin + length;
        expect(await read({ per, queue: 'q' })).toHaveLength(3);
        expect(await read({ per, queue: 'q', status: 'done' })).toEqual([
          [begin, 'q', 'done', 2],
          [next, 'q', 'done', 1],
        ]);
        expect(await read({ per, status: 'dead' })).toEqual([[begin, 'q', 'dead', 1]]);
        expect(await read({ per, from: begin, until: next, queue: 'other' })).toEqual([[begin, 'other', 'done', 1]]);
        expect(await read({ per, from: next, queue: 'other' })).toEqual([]);
      }
    });

    it('each outcome once, however often and in whatever order it is saved, and not what was refused', async () => {
      const store = await counting();
      const retried = ended('t', { status: 'retrying', finishedAt: at - 10 });
      const done = ended('t', { attempts: 2 });
      await store.save([retried, done, { ...refused, finishedAt: at }]);
      await store.save([retried, done]);
      await store.save([done]);
      await store.save([retried]);
      expect((await store.find('t'))?.status).toBe('done');
      const counts = await store.counts({ per: 'day', queue: 'q' });
      await expect(store.counts({ per: 'week' as never })).rejects.toThrow(
        '`per` is week, but must be one of second, minute, hour, day',
      );
      expect(counts.map(({ status, count }) => `${status} ${count}`).toSorted()).toEqual(['done 1', 'retrying 1']);
    });

    it('all that are kept, however many', async () => {
      const collection = `c${randomUUID().slice(0, 8)}`;
      const store = mongoResults({ url, collection });
      const connection = await mongoose.createConnection(url).asPromise();
      onTestFinished(async () => {
        await store.close();
        await connection.close();
      });
      await store.connect({ clock: new ManualClock() });
      const second = (n: number) => ({
        _id: `${n}` as never,
        per: 'second',
        queue: `q${n % 4}`,
        status: 'done',
        count: 1,
        at: new Date(at + Math.floor(n / 4) * 1000),
        expires: new Date(at + 1e7),
      });
      await connection
        .collection(`${collection}_counts`)
        .insertMany(Array.from({ length: 4 * 3600 }, (_, n) => second(n)));
      const counts = await store.counts({ per: 'second' });
      expect(counts).toHaveLength(4 * 3600);
      expect(counts.at(-1)!.at).toBe(at + 3599 * 1000);
    });

    it('every outcome of processes that save at once', async () => {
      const store = await counting();
      const saves = Array.from({ length: 20 }, (_, n) =>
        store.save([ended(`same`, { attempts: n, finishedAt: at + n }), ended(`own ${n}`)]),
      );
      expect((await Promise.all(saves)).flat()).toEqual([]);
      expect((await store.find('same'))?.attempts).toBe(19);
      const [minute] = await store.counts({ per: 'day' });
      expect(minute!.count).toBeGreaterThanOrEqual(21);
    });
  });
});
