import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Delivery } from 'nestjs-funq';
import { expect, it } from 'vitest';
import { withService } from '../services/service.js';
import { out, pause, relay, signal, textOf, trialOn, type Pair } from './rabbitmq-trial.js';

const LIMIT = { timeout: 90_000 };
/** Lets so many bytes a second through, each way. */
const slowly =
  (rate: number) =>
  ({ client, server }: Pair) => {
    const pump = (from: Socket, to: Socket): void => {
      from.on('readable', function go() {
        const piece: Buffer | null = from.read();
        if (!piece) return;
        from.removeListener('readable', go);
        to.write(piece);
        setTimeout(() => pump(from, to), (piece.length / rate) * 1000);
      });
    };
    pump(server, client);
    pump(client, server);
  };

withService('rabbitmq', (url) => {
  const { open } = trialOn(url);

  it.each(['quorum', 'classic'] as const)(
    'who waits in receive gets what is released to a %s queue',
    LIMIT,
    async (type) => {
      const { broker, queue } = await open({ type });
      await broker.publish(queue, [out('1')]);
      const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
      const [delivery] = await subscription.receive(1, signal);
      const begun = performance.now();
      let got: Delivery[] = [];
      const receiving = (async () => {
        while (got.length === 0) got = await subscription.receive(1, signal);
      })();
      await pause(300);
      await subscription.release([delivery!]);
      await receiving;
      expect(textOf(got[0]!)).toBe('1');
      expect(performance.now() - begun).toBeLessThan(2500);
    },
  );

  it('big bodies over a slow line arrive, each once', LIMIT, async () => {
    const { broker: fast, queue } = await open();
    const body = Buffer.alloc(1_000_000);
    await fast.publish(
      queue,
      Array.from({ length: 10 }, () => ({ id: randomUUID(), body })),
    );
    const proxy = await relay(url, slowly(1_200_000));
    const { broker } = await open({ url: proxy.url });
    const subscription = await broker.subscribe(queue, { prefetch: 20, lease: 30_000 });
    const seen: number[] = [];
    const errors: unknown[] = [];
    const acking: Promise<void>[] = [];
    for (const end = performance.now() + 30_000; seen.length < 10 && performance.now() < end;) {
      try {
        const got = await subscription.receive(10, signal);
        seen.push(...got.map(({ redelivered }) => redelivered));
        // As the core does: the next are fetched meanwhile.
        const lost = (count: number) => void (count > 0 && errors.push(`${count} lost`));
        if (got.length > 0) acking.push(subscription.ack(got).then(({ length }) => lost(length)));
      } catch (error) {
        errors.push(String(error));
        await pause(100);
      }
    }
    await Promise.all(acking);
    expect(errors).toEqual([]);
    expect(seen).toEqual(Array.from({ length: 10 }, () => 0));
  });

  it('big bodies are published over a slow line', LIMIT, async () => {
    const proxy = await relay(url, slowly(1_200_000));
    const { broker, queue } = await open({ url: proxy.url });
    const body = Buffer.alloc(1_000_000);
    await broker.publish(queue, [out('first')]);
    const failures = await broker.publish(
      queue,
      Array.from({ length: 13 }, () => ({ id: randomUUID(), body })),
    );
    expect(failures).toEqual([]);
  });
});
