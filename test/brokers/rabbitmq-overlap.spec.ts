import { expect, it } from 'vitest';
import { withService } from '../services/service.js';
import { out, pause, signal, trialOn } from './rabbitmq-trial.js';

const LIMIT = { timeout: 60_000 };

withService('rabbitmq', (url) => {
  const { open } = trialOn(url);

  it.each(['quorum', 'classic'] as const)('%s: verbs at once settle each delivery once', LIMIT, async (type) => {
    const { broker, queue } = await open({ type });
    const all = 150;
    await broker.publish(
      queue,
      Array.from({ length: all }, (_, n) => out(`${n}`)),
    );
    const done = new Map<string, number>();
    const subs = await Promise.all([1, 2].map(() => broker.subscribe(queue, { prefetch: 20, lease: 5000 })));
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const pending: Promise<unknown>[] = [];
    const end = performance.now() + 25_000;
    await Promise.all(
      subs.map(async (sub) => {
        while (done.size < all && performance.now() < end) {
          const got = await sub.receive(1 + Math.floor(random() * 8), signal);
          for (const each of got) {
            if (random() < 0.85)
              pending.push(
                (async () => {
                  await pause(random() * 30);
                  const lost = await sub.ack([each]);
                  const text = Buffer.from(each.body).toString();
                  if (lost.length === 0) done.set(text, (done.get(text) ?? 0) + 1);
                })(),
              );
            else pending.push(sub.release([each]));
          }
          if (random() < 0.1) await pause(250);
        }
      }),
    );
    await Promise.all(pending);
    expect([done.size, [...done.values()].filter((count) => count > 1).length]).toEqual([all, 0]);
    expect(await broker.count!(queue)).toBe(0);
  });
});
