import { Injectable } from '@nestjs/common';
import { MongooseModule, getConnectionToken } from '@nestjs/mongoose';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose, { type Connection } from 'mongoose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Consumer, FunqModule } from 'nestjs-funq';
import { mongo } from 'nestjs-funq/mongo';
import { mongoCoordination, mongoResults, type MongoResultStore } from 'nestjs-funq/stores/mongo';
import { startPrivate, type PrivateServer } from '../../scripts/services/index.mjs';
import { SystemClock } from '../../lib/core/system-clock.js';
import { boot, bootModule, collect, refusal } from '../nest/support/app.js';
import { withService } from '../services/service.js';

@Injectable()
class Jobs {
  @Consumer({ queue: 'jobs', persist: 'result', filter: true, rate: { starts: 1000, scope: 'shared' } })
  twice(x: number): number {
    return x * 2;
  }
}

@Injectable()
class Plain {
  @Consumer({ queue: 'plain' })
  twice(x: number): number {
    return x * 2;
  }
}

const fresh = (): string => `t${randomUUID().slice(0, 8)}`;

async function connected(url: string): Promise<Connection> {
  const connection = await mongoose.createConnection(url).asPromise();
  onTestFinished(() => connection.close());
  return connection;
}

/** A server of the test's own. */
async function ownServer(): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), 'funq-mongo-'));
  const server = await startPrivate('mongo', { folder });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return server;
}

withService('mongo', (url) => {
  describe('with the connection of @nestjs/mongoose', () => {
    it('brokers and stores work, their collections beside the app’s, and the end leaves nothing behind', async () => {
      const collection = fresh();
      let results: MongoResultStore;
      const booted = await bootModule({
        imports: [
          MongooseModule.forRoot(url),
          FunqModule.forRootAsync({
            inject: [getConnectionToken()],
            useFactory: (connection: Connection) => {
              results = mongoResults({ connection, collection });
              const coordination = mongoCoordination({ connection, collection });
              return { brokers: { default: mongo({ connection, collection }) }, stores: { results, coordination } };
            },
          }),
        ],
        providers: [Jobs],
      });
      const done = collect(booted.events, 'done', 2);
      const filtered = collect(booted.events, 'filtered', 1);
      await booted.funq.publish('jobs', [1], { id: `${collection}-1` });
      await booted.funq.publish('jobs', [2], { delay: 50 });
      await done;
      await booted.funq.publish('jobs', [1]);
      await filtered;
      await booted.close();

      const connection = await connected(url);
      const count = (name: string): Promise<number> => connection.collection(`${collection}_${name}`).countDocuments();
      expect([await count('tasks'), await count('consumers'), await count('workers')]).toEqual([0, 0, 0]);
      expect(await count('results')).toBe(3);
      const reader = mongoResults({ connection, collection });
      await reader.connect({ clock: new SystemClock() });
      expect(await reader.find(`${collection}-1`)).toMatchObject({ queue: 'jobs', status: 'done', attempts: 1 });
      expect((await reader.counts({ per: 'day' })).map(({ status, count: n }) => `${status} ${n}`).toSorted()).toEqual([
        'done 2',
        'filtered 1',
      ]);
      await reader.close();
    });

    it('close leaves it open, and it is refused when it was never opened', async () => {
      const connection = await connected(url);
      const broker = mongo({ connection, collection: fresh() });
      await broker.connect({ clock: new SystemClock() });
      await broker.publish('q', [{ id: 'm', body: Buffer.from('m') }]);
      expect((await broker.subscribe('q', { prefetch: 1, lease: 5000 })).pulse).toBeUndefined();
      await broker.close();
      expect(connection.readyState).toBe(1);
      expect(await connection.collection('anything').countDocuments()).toBe(0);
      const unopened = mongo({ connection: mongoose.createConnection() });
      await expect(unopened.connect({ clock: new SystemClock() })).rejects.toMatchObject({
        code: 'FUNQ_MONGO_OPTIONS',
      });
    });
  });

  describe('documents that others wrote into the collection', () => {
    it('go to the dead letters and stop nothing', async () => {
      const collection = fresh();
      const connection = await connected(url);
      const tasks = connection.collection(`${collection}_tasks`);
      const { funq, events } = await boot({ providers: [Plain] }, { brokers: { default: mongo({ url, collection }) } });
      const done = collect(events, 'done', 2);
      const dead = collect(events, 'dead', 6);
      await funq.publish('plain', [1]);
      await tasks.insertMany([
        { queue: 'plain', state: 'ready' },
        { queue: 'plain', state: 'ready', body: 'a text', deliveries: 'many', priority: 'high', expires: 'never' },
        { _id: 'own id' as never, queue: 'plain', state: 'ready', body: { $where: '1' }, deliveries: null, seq: {} },
        { queue: 'plain', state: 'delayed', due: 'soon', body: 5 },
        { queue: 'plain', state: 'delayed', body: [1] },
        { queue: 'plain', state: 'ready', deliveries: 0, body: Buffer.from([0xff, 0xfe]) },
      ]);
      await funq.publish('plain', [2]);
      await Promise.all([done, dead]);
      expect(await tasks.countDocuments({ queue: 'plain' })).toBe(0);
      expect(await tasks.countDocuments({ queue: 'plain.dead' })).toBe(6);
    });
  });

  describe('a server of its own', () => {
    it('that restarts under a running app is found again', { timeout: 60_000 }, async () => {
      const server = await ownServer();
      const { funq, events } = await boot({ providers: [Plain] }, { brokers: { default: mongo({ url: server.url }) } });
      const first = events.next('done');
      await funq.publish('plain', [1]);
      await first;
      await server.stop();
      await expect(funq.publish('plain', [2])).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
      const recovered = events.next('recovered');
      await server.start();
      const began = performance.now();
      await recovered;
      expect(performance.now() - began).toBeLessThan(10_000);
      const next = events.next('done', ({ value }) => value === 6);
      await funq.publish('plain', [3]);
      await next;
    });

    it('that is down does not keep an app from starting, unless it is required', { timeout: 60_000 }, async () => {
      const server = await ownServer();
      await server.stop();
      const required = await refusal({}, { brokers: { default: mongo({ url: server.url, required: true }) } });
      expect(required).toMatchObject({
        code: 'FUNQ_BROKER_UNAVAILABLE',
        message: expect.stringContaining('ECONNREFUSED') as string,
      });
      const stores = { results: mongoResults({ url: server.url }) };
      const { funq, events } = await boot(
        { providers: [Plain] },
        { brokers: { default: mongo({ url: server.url }) }, stores },
      );
      await server.start();
      const done = events.next('done');
      await funq.publish('plain', [21]);
      expect((await done).value).toBe(42);
    });
  });
});
