import assert from 'node:assert/strict';
import { numbered, outgoing, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** Opening, closing, and what works in between and afterwards. */
export function closingCases({ restart, features }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: 'connect: twice is once',
      async run(trial) {
        const broker = await trial.open();
        await broker.connect({ clock: trial.clock });
        await trial.publish(broker, numbered(3));
        await broker.connect({ clock: trial.clock });
        const subscription = await trial.subscribe(broker);
        await trial.finish(subscription, 3);
        await trial.quiet(subscription);
        await broker.close();
        await assert.rejects(broker.publish(trial.queue, [outgoing('m')]), 'one close is enough');
      },
    },
    {
      name: 'close: twice is harmless, also at once',
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        await Promise.all([subscription.close(), subscription.close()]);
        await subscription.close();
        await trial.subscribe(broker);
        await Promise.all([broker.close(), broker.close()]);
        await broker.close();
        await subscription.close();
      },
    },
    {
      name: 'close: of a broker that was never connected is harmless',
      run: (trial) => trial.facts.create().close(),
    },
    {
      name: 'close: a subscription that waits for messages ends its wait and loses nothing',
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        const ended = soonEnds(trial, subscription.receive(1, new AbortController().signal));
        await trial.clock.sleep(50);
        await subscription.close();
        await ended;
        await trial.publish(broker, ['m']);
        assert.deepEqual(texts(await trial.finish(await trial.subscribe(broker), 1)), ['m']);
      },
    },
    {
      name: 'close: a broker whose subscription waits for messages ends that wait',
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        const ended = soonEnds(trial, subscription.receive(1, new AbortController().signal));
        await trial.clock.sleep(50);
        await broker.close();
        await ended;
      },
    },
    {
      name: 'close: one subscription leaves the others alone',
      async run(trial) {
        const broker = await trial.open();
        const staying = await trial.subscribe(broker);
        const leaving = await trial.subscribe(broker);
        const taking = trial.take(staying, 1);
        await leaving.close();
        await trial.publish(broker, ['m']);
        assert.deepEqual(await staying.ack(await taking), []);
      },
    },
    {
      name: 'close: later verbs reject',
      async run(trial) {
        const broker = await trial.open();
        const closed = await trial.subscribe(broker);
        await closed.close();
        const { signal } = new AbortController();
        await assert.rejects(closed.receive(1, signal), 'receive of a closed subscription');
        const left = await trial.subscribe(broker);
        await broker.close();
        await assert.rejects(broker.publish(trial.queue, [outgoing('m')]), 'publish of a closed broker');
        await assert.rejects(async () => trial.subscribe(broker), 'subscribe of a closed broker');
        await assert.rejects(left.receive(1, signal), 'receive of a closed broker');
        await assert.rejects(
          async () => (broker.count ? broker.count(trial.queue) : assert.fail()),
          'count of a closed broker',
        );
        await assert.rejects(
          async () => (broker.purge ? broker.purge(trial.queue) : assert.fail()),
          'purge of a closed broker',
        );
      },
    },
    {
      name: 'restart: work goes on after the service restarted',
      skip: restart
        ? (!features.durable || features.redelivery === 'none') && 'not durable'
        : 'no way to restart was given',
      timeout: 120_000,
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(20));
        const first = await trial.subscribe(broker, trial.queue, 5000);
        const done = texts(await trial.finish(first, 5));
        await trial.take(first, 5);
        await restart?.();
        // From here on as the core does: what fails is tried again, on a new subscription.
        await persist(trial, () => trial.publish(broker, ['after']));
        await first.close().catch(() => {});
        const missing = new Set([...numbered(20), 'after'].filter((name) => !done.includes(name)));
        await persist(trial, async () => {
          const subscription = await trial.subscribe(broker, trial.queue, 5000);
          try {
            while (missing.size > 0)
              for (const name of texts(await trial.finish(subscription, 1))) missing.delete(name);
          } finally {
            await subscription.close().catch(() => {});
          }
        });
      },
    },
  ];
}

/** A wait that ends by `close()` may resolve or reject, but soon. */
async function soonEnds(trial: BrokerTrial, waiting: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const ended = waiting.then(
    () => true,
    () => true,
  );
  const limit = trial.clock.sleep(50 + trial.facts.tolerance, late.signal).then(() => false);
  assert.ok(await Promise.race([ended, limit]), 'receive must end when its subscription closes');
  late.abort();
}

async function persist(trial: BrokerTrial, attempt: () => Promise<unknown>): Promise<void> {
  const until = trial.clock.monotonic() + trial.facts.patience * 6;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (trial.clock.monotonic() > until) throw error;
      await trial.clock.sleep(200);
    }
  }
}
