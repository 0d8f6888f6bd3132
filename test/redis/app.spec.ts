import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Consumer } from 'nestjs-funq';
import { redis } from 'nestjs-funq/redis';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { boot, collect, refusal, type Booted } from '../nest/support/app.js';
import { withService } from '../services/service.js';
import { emptied } from './emptied.js';
import { eventually } from './opened.js';
import { canStart, OwnServer } from './own-server.js';

/** What ran, by number. */
class Runs {
  readonly seen = new Map<number, number>();

  /** Resolves when all up to `count` ran. */
  async all(count: number, ms = 20_000): Promise<void> {
    await expect.poll(() => this.seen.size, { timeout: ms }).toBe(count);
  }
}

async function app(options: { url: string; namespace?: string }): Promise<Booted & { runs: Runs }> {
  const runs = new Runs();
  @Injectable()
  class Jobs {
    @Consumer({ queue: 'jobs', concurrency: 20 })
    run(n: number): void {
      runs.seen.set(n, (runs.seen.get(n) ?? 0) + 1);
    }
  }
  const stores = { coordination: redisCoordination(options) };
  return { ...(await boot({ providers: [Jobs] }, { brokers: { default: redis(options) }, stores })), runs };
}

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });

  it('puts what is no task among the dead letters, byte for byte, whatever its name, and goes on', async () => {
    const client = new Redis(url);
    onTestFinished(() => client.disconnect());
    const key = `${namespace}:{jobs}`;
    const bodies = [Buffer.from([0xff, 0, 0xfe]), Buffer.alloc(0), Buffer.from('{"job":"mail"}')];
    const names = ['foreign', 'with a blank', 'on\ntwo lines', '漢字', ' '];
    const foreign = names.flatMap((name) => bodies.map((bytes, n) => ({ name: `${name}${n}`, bytes })));
    for (const [index, { name, bytes }] of foreign.entries()) {
      const place = `ff${String(index).padStart(12, '0')}`;
      await client.hset(`${key}:bodies`, name, Buffer.concat([Buffer.from(place), bytes]));
      await client.zadd(`${key}:ready`, 0, `${place}${name}`);
    }
    // A member that leads nowhere, and one that is shorter than a place.
    await client.zadd(`${key}:ready`, 0, 'nonsense', 0, 'ff00000000000fnowhere');
    const { events, funq, runs } = await app({ url, namespace });
    const letters = await collect(events, 'dead', foreign.length);
    const raw = letters.map(({ letter }) => letter.raw);
    expect(raw.toSorted()).toEqual(foreign.map(({ bytes }) => bytes.toString('base64')).toSorted());
    await funq.publish('jobs', [1]);
    await runs.all(1);
  });

  it('goes on when scripts are forgotten and when all data are wiped, under load', { timeout: 60_000 }, async () => {
    const server = await OwnServer.create();
    onTestFinished(() => server.remove());
    await server.start();
    const { funq, runs } = await app({ url: server.url });
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    for (let n = 0; n < 300; n++) {
      await funq.publish('jobs', [n]);
      if (n % 50 === 25) await client.script('FLUSH');
    }
    await runs.all(300);
    const publishing = Promise.allSettled(Array.from({ length: 300 }, (_, n) => funq.publish('jobs', [1000 + n])));
    await client.flushall();
    expect((await publishing).every(({ status }) => status === 'fulfilled')).toBe(true);
    await client.flushall();
    await funq.publish('jobs', [5000]);
    await expect.poll(() => runs.seen.has(5000), { timeout: 5000 }).toBe(true);
  });

  describe.skipIf(!canStart)('an app whose server comes and goes', () => {
    it('starts while it is down, says so, and works once it is up', { timeout: 60_000 }, async () => {
      const server = await OwnServer.create();
      onTestFinished(() => server.remove());
      const { funq, log, runs } = await app({ url: server.url });
      expect(log.lines.map(({ text }) => text).join()).toMatch(/redis at 127\.0\.0\.1:\d+ can't be reached/);
      await expect(funq.publish('jobs', [0])).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
      await server.start();
      const since = performance.now();
      await eventually(() => funq.publish('jobs', [1]));
      await runs.all(1);
      expect(performance.now() - since).toBeLessThan(10_000);
    });

    it('is refused a start where it is required, without the password in the reason', { timeout: 40_000 }, async () => {
      const server = await OwnServer.create();
      onTestFinished(() => server.remove());
      const secret = server.url.replace('//', '//me:open-sesame@');
      const error = await refusal({}, { brokers: { default: redis({ url: secret, required: true }) } });
      expect(error.code).toBe('FUNQ_BROKER_UNAVAILABLE');
      expect(error.message).toMatch(
        /broker 'default' \(redis\) can't be opened: redis at 127\.0\.0\.1:\d+ can't be reached/,
      );
      expect(error.message).not.toContain('open-sesame');
    });

    it('consumes within five seconds after a restart under load; nothing is lost', { timeout: 90_000 }, async () => {
      const server = await OwnServer.create('--appendfsync', 'always');
      onTestFinished(() => server.remove());
      await server.start();
      const { funq, events, runs } = await app({ url: server.url });
      const stored: number[] = [];
      let publishing = true;
      const publisher = (async () => {
        for (let n = 0; publishing; n++) {
          await funq.publish('jobs', [n]).then(
            () => stored.push(n),
            () => new Promise((resolve) => setTimeout(resolve, 100)),
          );
        }
      })();
      for (let restart = 0; restart < 3; restart++) {
        await collect(events, 'done', 200);
        await server.stop(restart === 1 ? 'SIGKILL' : 'SIGTERM');
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await server.start();
        const since = performance.now();
        await collect(events, 'done', 1);
        expect(performance.now() - since).toBeLessThan(5000);
      }
      publishing = false;
      await publisher;
      await expect.poll(() => stored.filter((n) => !runs.seen.has(n)), { timeout: 20_000 }).toEqual([]);
    });
  });
});
