import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { SystemClock } from '../../lib/core/system-clock.js';
import { FastClock } from '../services/fast-clock.js';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { beside, LEASE, NEVER } from './postgres-trial.js';

withService('postgres', (url) => {
  describe('an acknowledgement whose answer got lost', () => {
    it('is taken again, also beside others, and what was given back is not ours', async () => {
      const broker = postgres({ url });
      await broker.connect({ clock: new SystemClock() });
      const queue = `acks-${randomUUID()}`;
      onTestFinished(async () => {
        await broker.purge!(queue);
        await broker.close();
      });
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 60_000 });
      await broker.publish(
        queue,
        ['a', 'b', 'c'].map((text) => ({ id: randomUUID(), body: Buffer.from(text) })),
      );
      const [first, second, third] = await subscription.receive(3, NEVER);
      // The second call is made before the first one was answered, as after a deadline; nobody hears the first answer then.
      const unheard = subscription.ack([first!]);
      expect(await subscription.ack([first!, second!])).toEqual([]);
      await unheard;
      expect(await subscription.release([third!])).toEqual([]);
      expect(await subscription.ack([third!])).toEqual([third]);
      await subscription.close();
      expect(await subscription.ack([second!])).toEqual([second]);
    });
  });

  it('is no acknowledgement when it never came to the server, and another consumer has done the work meanwhile', async () => {
    const { proxy, url: through } = await proxyTo(url);
    const database = new pg.Client(url);
    await database.connect();
    onTestFinished(async () => {
      await database.end();
      await proxy.close();
    });
    const broker = postgres({ url: through });
    const { direct, queue, another } = await beside(url, broker, new FastClock(10));
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: LEASE });
    await direct.publish(queue, [{ id: randomUUID(), body: Buffer.from('a') }]);
    const [delivery] = await subscription.receive(1, NEVER);
    proxy.hang();
    await expect(subscription.ack([delivery!])).rejects.toMatchObject({ away: true });
    await database.query('SELECT funq.funq_leave(id) FROM funq.funq_consumers WHERE queue = $1', [queue]);
    const other = await another(10);
    expect(await other.ack(await other.receive(1, NEVER))).toEqual([]);
    expect(await direct.count!(queue)).toBe(0);
    const again = (): Promise<readonly Delivery[]> => subscription.ack([delivery!]);
    // Each of the connections that are gone may be noticed by itself.
    expect(await again().catch(again).catch(again)).toEqual([delivery]);
  });

  it('what a server forgot that fell, and handed out again, is not acknowledged by the first receipt', async () => {
    const broker = postgres({ url });
    const database = new pg.Client(url);
    await Promise.all([broker.connect({ clock: new SystemClock() }), database.connect()]);
    const queue = `fallen-${randomUUID()}`;
    onTestFinished(async () => {
      await broker.purge!(queue);
      await Promise.all([broker.close(), database.end()]);
    });
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 60_000 });
    await broker.publish(queue, [{ id: randomUUID(), body: Buffer.from('a') }]);
    const [before] = await subscription.receive(1, NEVER);
    await database.query('UPDATE funq.funq_tasks SET owner = 0, deliveries = 0 WHERE queue = $1', [queue]);
    const [after] = await subscription.receive(1, NEVER);
    expect(await subscription.extend!([before!, after!])).toEqual([before]);
    expect(await subscription.ack([before!])).toEqual([before]);
    expect(await subscription.ack([after!])).toEqual([]);
  });

  it('becomes one new consumer, however many signs of life and claims find that the old one was given up', async () => {
    const broker = postgres({ url });
    const database = new pg.Client(url);
    await Promise.all([broker.connect({ clock: new SystemClock() }), database.connect()]);
    const queue = `given-up-${randomUUID()}`;
    onTestFinished(async () => {
      await broker.purge!(queue);
      await Promise.all([broker.close(), database.end()]);
    });
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 60_000 });
    await broker.publish(queue, [{ id: randomUUID(), body: Buffer.from('a') }]);
    await database.query('DELETE FROM funq.funq_consumers WHERE queue = $1', [queue]);
    const [[delivery]] = await Promise.all([
      subscription.receive(1, NEVER),
      ...[1, 2, 3].map(() => subscription.extend!([])),
    ]);
    const { rowCount } = await database.query('SELECT 1 FROM funq.funq_consumers WHERE queue = $1', [queue]);
    expect(rowCount).toBe(1);
    expect(await subscription.ack([delivery!])).toEqual([]);
  });

  it.each([
    ['at once', 0],
    ['and however long the server is away after it', 2 * LEASE],
  ])('what a claim took whose answer got lost is handed to the same consumer, uncounted, %s', async (_, ms) => {
    const { proxy, url: through } = await proxyTo(url);
    onTestFinished(() => proxy.close());
    const broker = postgres({ url: through });
    const clock = new FastClock(10);
    const { direct, queue } = await beside(url, broker, clock);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: LEASE });
    await direct.publish(queue, [{ id: randomUUID(), body: Buffer.from('first') }]);
    const [first] = await subscription.receive(1, NEVER);
    await direct.publish(queue, [{ id: randomUUID(), body: Buffer.from('second') }]);
    proxy.mute();
    await expect(subscription.receive(10, NEVER)).rejects.toMatchObject({ away: true });
    expect(await direct.count!(queue)).toBe(0);
    const ticking = clock.monotonic.bind(clock);
    vi.spyOn(clock, 'monotonic').mockImplementation(() => ticking() + ms);
    const again = (): Promise<Delivery[]> => subscription.receive(10, NEVER);
    // Each of the connections that are gone may be noticed by itself.
    const [second, ...more] = await again().catch(again).catch(again);
    expect(more).toEqual([]);
    expect(second).toMatchObject({ redelivered: 0 });
    expect(Buffer.from(second!.body).toString()).toBe('second');
    expect(await subscription.ack([first!, second!])).toEqual([]);
  });
});
