import assert from 'node:assert/strict';
import { numbered, sameTexts, texts, type BrokerCase, type BrokerFacts } from './trial.js';

/** What becomes of deliveries that were acknowledged, released, or left behind by a subscription that closed. */
export function returningCases({ features, counts, tolerance, partitioned }: BrokerFacts): BrokerCase[] {
  const gone = features.redelivery === 'none' && 'what a consumer leaves never comes back';
  return [
    {
      name: 'ack: nothing comes back',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(50));
        const subscription = await trial.subscribe(broker);
        await trial.finish(subscription, 50);
        await subscription.close();
        if (counts) assert.equal(await broker.count?.(trial.queue), 0);
        await trial.quiet(await trial.subscribe(broker));
        if (!features.durable) return;
        await broker.close();
        await trial.quiet(await trial.subscribe(await trial.open()));
      },
    },
    {
      name: 'ack: twice is harmless',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(3));
        const subscription = await trial.subscribe(broker);
        const taken = await trial.finish(subscription, 3);
        await subscription.ack(taken);
        await subscription.ack([]);
        await trial.publish(broker, ['next']);
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['next']);
        await subscription.close();
        await trial.quiet(await trial.subscribe(broker));
      },
    },
    {
      name: 'ack: in any order, and only what was named',
      skip: gone,
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(10));
        const subscription = await trial.subscribe(broker);
        const taken = await trial.take(subscription, 10);
        const kept = taken.filter((_, index) => index % 3 === 1);
        const done = taken.filter((_, index) => index % 3 !== 1).toReversed();
        assert.deepEqual(await subscription.ack(done), []);
        await subscription.close();
        const next = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(next, kept.length)), texts(kept));
        await trial.quiet(next);
      },
    },
    {
      name: 'close: what a subscription held comes back at once',
      skip: gone,
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(30));
        const leaving = await trial.subscribe(broker);
        await trial.take(leaving, 20);
        const staying = await trial.subscribe(await trial.reach(broker));
        // Where there are parts, the others may wait for the one that leaves, too.
        if (!partitioned) await trial.take(staying, 10);
        if (!partitioned) await trial.quiet(staying);
        await leaving.close();
        const closed = trial.clock.monotonic();
        await trial.take(staying, partitioned ? 30 : 20);
        const took = trial.clock.monotonic() - closed;
        assert.ok(took <= tolerance, `they came after ${Math.round(took)} ms`);
      },
    },
    {
      name: 'close: a late ack is refused and leaves the delivery to its new owner',
      skip: gone,
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, ['m']);
        const leaving = await trial.subscribe(broker);
        const late = await trial.take(leaving, 1);
        await leaving.close();
        const staying = await trial.subscribe(broker);
        await trial.take(staying, 1);
        // A closed subscription may reject or name the delivery; it may not say that all is well.
        const refused = await leaving.ack(late).catch(() => late);
        assert.deepEqual(texts(refused), ['m'], 'a late ack must be refused');
        await leaving.release(late).catch(() => {});
        const third = await trial.subscribe(broker);
        await trial.quiet(third);
        await staying.close();
        assert.deepEqual(texts(await trial.finish(third, 1)), ['m'], 'a late ack must not remove the message');
      },
    },
    {
      name: 'durable: what waited and what was held outlive the broker object',
      skip: !features.durable && 'not durable',
      async run(trial) {
        const first = await trial.open();
        await trial.publish(first, numbered(20));
        const subscription = await trial.subscribe(first);
        await subscription.ack((await trial.take(subscription, 10)).slice(0, 5));
        await first.close();
        const second = await trial.open();
        if (counts) assert.equal(await second.count?.(trial.queue), features.redelivery === 'none' ? 10 : 15);
        const next = await trial.subscribe(second);
        await trial.finish(next, features.redelivery === 'none' ? 10 : 15);
        await trial.quiet(next);
      },
    },
    {
      name: 'redelivered: counts what was neither acknowledged nor released',
      skip: gone,
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, ['m']);
        const seen: number[] = [];
        for (let round = 0; round < 4; round++) {
          const subscription = await trial.subscribe(broker);
          const [delivery] = await trial.take(subscription, 1);
          seen.push(delivery!.redelivered);
          await subscription.close();
        }
        const expected = features.redelivery === 'counted' ? [0, 1, 2, 3] : [0, 1, 1, 1];
        const counted = features.redelivery === 'counted' ? seen : seen.map((count) => Math.min(count, 1));
        assert.deepEqual(counted, expected);
      },
    },
    {
      name: 'release: another subscription gets it at once',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(5));
        const first = await trial.subscribe(broker);
        const taken = await trial.take(first, 5);
        const second = await trial.subscribe(await trial.reach(broker));
        await trial.quiet(second);
        assert.deepEqual(await first.release(taken), []);
        // What is given back is for whoever has its part, and that is the first one while it is there.
        if (partitioned) await first.close();
        const released = trial.clock.monotonic();
        sameTexts(texts(await trial.take(second, 5)), texts(taken));
        const took = trial.clock.monotonic() - released;
        assert.ok(took <= tolerance, `they came after ${Math.round(took)} ms`);
        // What was released is no longer the first one's, so its end must not touch it.
        await first.close();
        const third = await trial.subscribe(broker);
        await trial.quiet(third);
        await second.close();
        await trial.finish(third, 5);
      },
    },
    {
      name: 'release: is not counted as a redelivery',
      skip: features.redelivery !== 'counted' && 'redeliveries are not counted',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, ['m']);
        const subscription = await trial.subscribe(broker);
        for (let round = 0; round < 3; round++) {
          const taken = await trial.take(subscription, 1);
          assert.equal(taken[0]?.redelivered, 0);
          await subscription.release(taken);
        }
        await trial.take(subscription, 1);
        await subscription.close();
        const [delivery] = await trial.take(await trial.subscribe(broker), 1);
        assert.equal(delivery?.redelivered, 1, 'only the closed subscription counts');
      },
    },
  ];
}
