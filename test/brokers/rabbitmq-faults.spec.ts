import { randomUUID } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { withService } from '../services/service.js';
import { FastClock } from '../services/fast-clock.js';
import { proxyTo } from '../services/proxy-to.js';
import { next, out, persist, signal, textOf, trialOn } from './rabbitmq-trial.js';

const LIMIT = { timeout: 60_000 };
function spin(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

withService('rabbitmq', (url) => {
  const { open, raw } = trialOn(url);

  it.each(['quorum', 'classic'] as const)(
    'a %s queue deleted under its consumer is consumed again',
    LIMIT,
    async (type) => {
      const { broker, queue } = await open({ type });
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
      const cancelled = expect(subscription.receive(1, signal)).rejects.toMatchObject({
        code: 'FUNQ_RABBITMQ_CANCELLED',
      });
      await vi.waitFor(async () => expect((await (await raw()).checkQueue(queue)).consumerCount).toBe(1));
      await (await raw()).deleteQueue(queue);
      await cancelled;
      const deleted = performance.now();
      // The publisher believes that the queue is there; the server sends the message back.
      expect(await broker.publish(queue, [out('again')])).toEqual([]);
      expect(textOf(await next(subscription))).toBe('again');
      expect(performance.now() - deleted).toBeLessThan(5000);
    },
  );

  it(
    'what is first sent to a queue is not refused because it has no leader, or room, at that moment',
    LIMIT,
    async () => {
      // A queue that another connection just declares answers as a full one does, for some milliseconds.
      const options = { arguments: { 'x-expires': 60_000, 'x-max-length': 5, 'x-overflow': 'reject-publish' } };
      const { broker, queue } = await open(options);
      const { broker: fresh } = await open(options);
      const refused = async (): Promise<boolean> => (await broker.publish(queue, [out('filling')])).length > 0;
      await vi.waitFor(async () => expect(await refused()).toBe(true));
      const publishing = fresh.publish(queue, ['1', '2', '3'].map((text) => out(text))); // prettier-ignore
      for (let n = 0; n < 50; n++) await refused();
      await broker.purge!(queue);
      expect(await publishing).toEqual([]);
      const subscription = await fresh.subscribe(queue, { prefetch: 10, lease: 5000 });
      expect([textOf(await next(subscription)), textOf(await next(subscription))]).toEqual(['1', '2']);
    },
  );

  it('a connection that is reset is replaced, and what was held is not ours any more', LIMIT, async () => {
    const { proxy, url: proxied } = await proxyTo(url);
    onTestFinished(() => proxy.close());
    const { broker, queue } = await open({ url: proxied });
    await broker.publish(queue, [out('held')]);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const held = await next(subscription);
    proxy.reset();
    await vi.waitFor(async () => expect(await subscription.ack([held])).toEqual([held]));
    const again = await next(subscription);
    expect([textOf(again), again.redelivered]).toEqual(['held', 1]);
    expect(await subscription.ack([again])).toEqual([]);
    expect(await persist(() => broker.publish(queue, [out('new')]))).toEqual([]);
    expect(textOf(await next(subscription))).toBe('new');
  });

  it('an acknowledgement that is told again, for the answer took too long, is still ours', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('slow')]);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const delivery = await next(subscription);
    const told = subscription.ack([delivery]);
    expect(await subscription.ack([delivery])).toEqual([]);
    expect(await told).toEqual([]);
  });

  it(
    'an event loop that was blocked for longer than an answer may take does not cost the connection',
    LIMIT,
    async () => {
      const { broker, queue } = await open({}, new FastClock(10));
      await broker.publish(queue, [out('first'), out('second')]);
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
      const held = [await next(subscription), await next(subscription)] as const;
      const acking = subscription.ack([held[0]]);
      const publishing = broker.publish(queue, [out('third')]);
      await Promise.resolve();
      spin(1500);
      expect(await acking).toEqual([]);
      expect(await publishing).toEqual([]);
      expect(await subscription.ack([held[1]])).toEqual([]);
      expect((await next(subscription)).redelivered).toBe(0);
    },
  );

  it('a connection on which nothing arrives any more is given up within seconds', LIMIT, async () => {
    const { proxy, url: proxied } = await proxyTo(url);
    onTestFinished(() => proxy.close());
    // With a heartbeat that is far too long to notice it.
    const { broker, queue } = await open({ url: proxied });
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    await broker.publish(queue, [out('before')]);
    await subscription.ack([await next(subscription)]);
    proxy.hang();
    const silenced = performance.now();
    const unsure = expect(broker.publish(queue, [out('lost')])).rejects.toMatchObject({ away: true });
    await expect(subscription.receive(1, signal)).rejects.toMatchObject({ away: true });
    await unsure;
    const work = Array.from({ length: 20 }, (_, n) => out(`${n}`));
    expect(await persist(() => broker.publish(queue, work), 20_000)).toEqual([]);
    // The server has sent some to the silent consumer, as many as that might hold.
    expect(Number(textOf(await next(subscription)))).toBeLessThan(11);
    expect(performance.now() - silenced).toBeLessThan(15_000);
  });

  it('an app starts while the server is away, and works when it comes', LIMIT, async () => {
    const { proxy, url: proxied } = await proxyTo(url);
    onTestFinished(() => proxy.close());
    await proxy.refuse();
    const seen: string[] = [];
    const queue = `faults-${randomUUID()}`;
    @Injectable()
    class Greeter {
      @Consumer({ queue })
      async greet(name: string): Promise<void> {
        seen.push(name);
      }
    }
    const broker = rabbitmq({ url: proxied, arguments: { 'x-expires': 60_000 } });
    @Module({ imports: [FunqModule.forRoot({ brokers: { default: broker } })], providers: [Greeter] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    onTestFinished(() => app.close());
    const funq = app.get(FunqPublisher);
    await expect(funq.publish(queue, ['early'])).rejects.toThrow(/can't be reached/);
    await proxy.accept();
    await persist(() => funq.publish(queue, ['late']));
    await vi.waitFor(() => expect(seen).toEqual(['late']), 10_000);
  });

  it('with `required` an app does not start without the server', LIMIT, async () => {
    @Module({
      imports: [FunqModule.forRoot({ brokers: { default: rabbitmq({ url: 'amqp://127.0.0.1:1', required: true }) } })],
    })
    class App {}
    const starting = NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(/rabbitmq at amqp:\/\/127\.0\.0\.1:1 can't be reached/);
  });

  it('a delay outlives every client, and falls due for a queue in its time', LIMIT, async () => {
    const { broker, queue } = await open();
    const published = performance.now();
    await broker.publish(queue, [out('due', { delay: 3100 })]);
    await broker.close();
    const { broker: later } = await open();
    const delivery = await next(await later.subscribe(queue, { prefetch: 1, lease: 5000 }));
    expect(textOf(delivery)).toBe('due');
    expect(performance.now() - published).toBeGreaterThanOrEqual(3098);
    expect(performance.now() - published).toBeLessThan(3100 + 1000);
  });

  it('a queue that nobody consumes leaves what it sent to the others', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('1'), out('2'), out('3')]);
    const busy = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    // Room for ten, and only one is taken.
    expect(await busy.receive(1, signal)).toHaveLength(1);
    const free = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    expect([textOf(await next(free)), textOf(await next(free))].toSorted()).toEqual(['2', '3']);
  });
});
