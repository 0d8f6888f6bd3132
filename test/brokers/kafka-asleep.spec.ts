import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Admin } from '@platformatic/kafka';
import { expect, it, onTestFinished } from 'vitest';
import { kafka } from 'nestjs-funq/kafka';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();

withService('kafka', (brokers) => {
  it('a mover that slept delivers nothing that others have delivered meanwhile', { timeout: 100_000 }, async () => {
    const prefix = `t${randomUUID().slice(0, 8)}-`;
    const options = { brokers, prefix, session: 3000, partitions: 1 };
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(new URL('kafka-asleep.mjs', import.meta.url), { workerData: { options, gate } });
    onTestFinished(() => void thread.terminate());
    const said = async (): Promise<unknown> => ((await once(thread, 'message')) as unknown[])[0];
    expect(await said()).toBe('ready');
    const broker = kafka(options);
    await broker.connect({ clock });
    onTestFinished(() => broker.close());
    const names = Array.from({ length: 20 }, (_, n) => `m${n}`);
    expect(
      await broker.publish(
        'jobs',
        names.map((name) => ({ id: name, body: Buffer.from(name), delay: 6000 })),
      ),
    ).toEqual([]);
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] });
    onTestFinished(() => admin.close());
    // It has them in hand.
    await clock.sleep(2500);
    thread.postMessage('sleep');
    expect(await said()).toBe('asleep');
    const subscription = await broker.subscribe('jobs', { prefetch: 100, lease: 3000 });
    const seen: string[] = [];
    const follow = async (until: () => boolean, end = clock.monotonic() + 30_000): Promise<void> => {
      while (!until() && clock.monotonic() < end) {
        const taken = await subscription.receive(100, AbortSignal.timeout(500));
        seen.push(...taken.map(({ body }) => Buffer.from(body).toString()));
        await subscription.ack(taken);
      }
    };
    await follow(() => seen.length >= names.length);
    expect(seen.length).toBe(names.length);
    const woken = said();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await follow(() => false, clock.monotonic() + 4000);
    expect(await woken).toBe('awake');
    expect(seen.toSorted()).toEqual(names.toSorted());
  });
});
