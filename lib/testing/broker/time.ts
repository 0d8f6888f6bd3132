import assert from 'node:assert/strict';
import { outgoing, sameTexts, textOf, texts, type BrokerCase, type BrokerFacts } from './trial.js';

/** Clocks that count in whole milliseconds may differ by this much. */
const GRAIN = 2;

/** Delays and times to live. */
export function timeCases({ features, counts, tolerance }: BrokerFacts): BrokerCase[] {
  const noDelay = !features.delay && 'no delay';
  return [
    {
      name: 'delay: never early, never much later',
      skip: noDelay,
      async run(trial) {
        const broker = await trial.open();
        const publisher = await trial.reach(broker);
        const subscription = await trial.subscribe(broker);
        const delays = [700, 150, 1200, 300, 50, 150];
        const published = trial.clock.monotonic();
        await trial.publish(
          publisher,
          delays.map((delay, index) => outgoing(`${index}`, { delay })),
        );
        for (let left = delays.length; left > 0; left--) {
          const [delivery] = await trial.finish(subscription, 1);
          const delay = delays[Number(textOf(delivery!))]!;
          const took = trial.clock.monotonic() - published;
          assert.ok(took >= delay - GRAIN, `a delay of ${delay} ms was over after ${took.toFixed(1)} ms`);
          assert.ok(took <= delay + tolerance, `a delay of ${delay} ms lasted ${took.toFixed(1)} ms`);
        }
        await trial.quiet(subscription);
      },
    },
    {
      name: 'delay: holds up nobody and does not count as waiting',
      skip: noDelay,
      async run(trial) {
        const broker = await trial.open();
        const started = trial.clock.monotonic();
        await trial.publish(broker, [
          outgoing('later', { delay: 800 }),
          outgoing('much later', { delay: 60_000 }),
          'now',
        ]);
        if (counts) assert.equal(await broker.count?.(trial.queue), 1);
        const subscription = await trial.subscribe(broker);
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['now']);
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['later']);
        assert.ok(trial.clock.monotonic() - started >= 800 - GRAIN, 'it came early');
        await trial.quiet(subscription);
      },
    },
    {
      name: 'delay: a shorter one published later comes first',
      skip: noDelay,
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        const taking = trial.finish(subscription, 1);
        await trial.publish(broker, [outgoing('long', { delay: 600 })]);
        await trial.publish(broker, [outgoing('short', { delay: 100 })]);
        assert.deepEqual(texts([...(await taking), ...(await trial.finish(subscription, 1))]), ['short', 'long']);
      },
    },
    {
      name: 'delay: outlives the broker object',
      skip: noDelay || (!features.durable && 'not durable'),
      async run(trial) {
        const first = await trial.open();
        const published = trial.clock.monotonic();
        await trial.publish(first, [outgoing('soon', { delay: 100 }), outgoing('later', { delay: 900 })]);
        await first.close();
        const subscription = await trial.subscribe(await trial.open());
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['soon']);
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['later']);
        const took = trial.clock.monotonic() - published;
        assert.ok(took >= 900 - GRAIN && took <= 900 + tolerance, `a delay of 900 ms lasted ${took.toFixed(1)} ms`);
      },
    },
    {
      name: 'ttl: in time it is handed out, afterwards not',
      skip: !features.ttl && 'no ttl',
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        await trial.publish(broker, [outgoing('fresh', { ttl: 30_000 })]);
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['fresh']);
        await trial.publish(broker, [outgoing('stale', { ttl: 100 }), 'lasting', outgoing('long', { ttl: 30_000 })]);
        await trial.clock.sleep(250);
        sameTexts(texts(await trial.finish(subscription, 2)), ['lasting', 'long']);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'ttl: runs on while a message is handed out',
      skip: !features.ttl && 'no ttl',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, [outgoing('m', { ttl: 300 })]);
        const subscription = await trial.subscribe(broker);
        const taken = await trial.take(subscription, 1);
        await trial.clock.sleep(500);
        await subscription.release(taken);
        await trial.quiet(subscription);
      },
    },
  ];
}
