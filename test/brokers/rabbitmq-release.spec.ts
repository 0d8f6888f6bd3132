import { connect } from 'amqplib';
import type { Delivery } from 'nestjs-funq';
import { expect, it, onTestFinished } from 'vitest';
import { withService } from '../services/service.js';
import { out, pause, relay, signal, textOf, trialOn } from './rabbitmq-trial.js';

const LIMIT = { timeout: 90_000 };
/** Servers may be kept from being heard for some time. */
async function holding(url: string) {
  const { url: through, pairs } = await relay(url, ({ client, server }) => void client.pipe(server).pipe(client));
  return {
    url: through,
    hold: (n: number) => pairs[n]!.server.unpipe(pairs[n]!.client).pause(),
    go: (n: number) => pairs[n]!.server.pipe(pairs[n]!.client),
  };
}

withService('rabbitmq', (url) => {
  const { open } = trialOn(url);

  it('what is released again, for the answer took too long, is there once', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('1')]);
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const deliveries = await subscription.receive(1, signal);
    await Promise.all([subscription.release(deliveries), subscription.release(deliveries)]);
    await pause(200);
    expect(await broker.count!(queue)).toBe(1);
  });

  it('what is released while its subscription closes is there once', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(
      queue,
      ['1', '2', '3'].map((text) => out(text)),
    );
    const proxy = await holding(url);
    const { broker: slow } = await open({ url: proxy.url });
    await slow.publish(queue, [out('4')]);
    const subscription = await slow.subscribe(queue, { prefetch: 10, lease: 5000 });
    const deliveries: Delivery[] = [];
    while (deliveries.length < 4) deliveries.push(...(await subscription.receive(4, signal)));
    // A slow disk, say: the confirmation takes six seconds.
    proxy.hold(0);
    const releasing = subscription.release(deliveries);
    await pause(1000);
    const closing = subscription.close();
    await pause(2000);
    proxy.go(0);
    await Promise.allSettled([releasing, closing]);
    await pause(500);
    expect(await broker.count!(queue)).toBe(4);
  });

  it('over a connection that was handed in, a late answer does not end the consuming', LIMIT, async () => {
    const proxy = await holding(url);
    const connection = await connect(proxy.url);
    onTestFinished(() => connection.close());
    const { broker: other, queue } = await open({ type: 'classic' });
    const { broker } = await open({ connection, type: 'classic' });
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const first = subscription.receive(10, signal);
    await other.publish(queue, [out('first')]);
    const [delivery] = await first;
    expect(await subscription.ack([delivery!])).toEqual([]);
    // Lies here unasked for, so that the consumer pauses, and hears of that only much later.
    await other.publish(queue, [out('second')]);
    await pause(50);
    proxy.hold(0);
    await pause(7000);
    proxy.go(0);
    await pause(300);
    await other.publish(queue, [out('third')]);
    const seen = new Set<string>();
    for (let n = 0; n < 4 && !seen.has('third'); n++)
      for (const each of await subscription.receive(10, signal).catch(() => [])) seen.add(textOf(each));
    expect([...seen]).toEqual(['second', 'third']);
  });
});
