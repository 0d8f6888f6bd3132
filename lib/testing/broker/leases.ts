import assert from 'node:assert/strict';
import type { Delivery, Subscription } from '../../contracts/broker.js';
import { numbered, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** An owner keeps what it holds as long as it shows signs of life, and no longer. */
export function leaseCases({ features, lease }: BrokerFacts): BrokerCase[] {
  const skip = lease === false ? 'no lease runs down' : features.redelivery === 'none' && 'nothing comes back';
  const length = lease || 0;
  return [
    {
      name: 'lease: a subscription without leases has no extend',
      skip: lease !== false && 'leases run down',
      async run(trial) {
        const subscription = await trial.subscribe(await trial.open());
        assert.equal(subscription.extend, undefined, 'tell the suite the lease, instead of `lease: false`');
      },
    },
    {
      name: 'lease: a silent owner loses its deliveries, and that is counted',
      skip,
      async run(trial) {
        const { silent, other, taken } = await holding(trial, length);
        const lost = trial.clock.monotonic();
        const again = await trial.take(other, 5);
        const took = trial.clock.monotonic() - lost;
        sameTexts(texts(again), texts(taken));
        assert.ok(took >= length * 0.7, `they were given away after ${Math.round(took)} ms of a lease of ${length} ms`);
        assert.ok(took <= length * 2 + trial.facts.tolerance, `they came back only after ${Math.round(took)} ms`);
        for (const { redelivered } of again) assert.equal(redelivered, 1, 'one hand-out was lost');
        await silent.close();
      },
    },
    {
      name: 'lease: a late ack is refused and leaves the deliveries to the new owner',
      skip,
      async run(trial) {
        const { silent, other, taken, broker } = await holding(trial, length);
        const again = await trial.take(other, 5);
        const stop = keepAlive(trial, other, again, length);
        sameTexts(texts(await silent.ack(taken)), texts(taken), 'the late ack must name all that it lost');
        sameTexts(texts(await silent.release(taken)), texts(taken), 'so must a late release');
        await silent.close();
        const third = await trial.subscribe(broker);
        await trial.quiet(third);
        stop();
        await other.close();
        sameTexts(texts(await trial.finish(third, 5)), texts(taken), 'the late ack must not remove anything');
      },
    },
    {
      name: 'lease: extend keeps deliveries for more than three leases',
      skip,
      async run(trial) {
        const { silent: owner, other, taken } = await holding(trial, length);
        const stop = keepAlive(trial, owner, taken, length);
        await trial.quiet(other, length * 3.3);
        stop();
        assert.deepEqual(await owner.ack(taken), [], 'they were kept, so they can be acknowledged');
        await trial.quiet(other, length * 1.2);
      },
    },
    {
      name: 'lease: extend keeps them while receive waits and acks go by',
      skip,
      async run(trial) {
        const { silent: owner, other, taken } = await holding(trial, length);
        const held = taken.slice(1);
        assert.deepEqual(await owner.ack(taken.slice(0, 1)), []);
        const stop = keepAlive(trial, owner, held, length);
        const waiting = trial.within(length * 1.6, (signal) => owner.receive(1, signal));
        await trial.quiet(other, length * 1.6);
        assert.deepEqual(await waiting, []);
        stop();
        assert.deepEqual(await owner.ack(held), []);
      },
    },
    {
      name: 'lease: extend names what is lost and does not take it back',
      skip,
      async run(trial) {
        const { silent, other, taken } = await holding(trial, length);
        assert.deepEqual(await silent.extend?.(taken), [], 'nothing was lost yet');
        const again = await trial.take(other, 5);
        const stop = keepAlive(trial, other, again, length);
        sameTexts(texts((await silent.extend?.(taken)) ?? []), texts(taken), 'all of them are lost');
        await silent.close();
        stop();
        assert.deepEqual(await other.ack(again), [], 'they are the other one’s');
      },
    },
    {
      name: 'lease: extend with nothing out is harmless',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker, trial.queue, length);
        for (let round = 0; round < 3; round++) {
          assert.deepEqual(await subscription.extend?.([]), []);
          await trial.clock.sleep(length / 2);
        }
        await trial.publish(broker, ['m']);
        await trial.finish(subscription, 1);
      },
    },
  ];
}

interface Holding {
  readonly broker: Awaited<ReturnType<BrokerTrial['open']>>;
  /** Holds `taken` under the shortest lease. */
  readonly silent: Subscription;
  /** Has nothing, on another connection where there can be one. */
  readonly other: Subscription;
  readonly taken: Delivery[];
}

async function holding(trial: BrokerTrial, lease: number): Promise<Holding> {
  const broker = await trial.open();
  await trial.publish(broker, numbered(5));
  const silent = await trial.subscribe(broker, trial.queue, lease);
  const other = await trial.subscribe(await trial.reach(broker), trial.queue, lease);
  assert.ok(silent.extend, 'leases run down, so there must be `extend`; or pass `lease: false`');
  return { broker, silent, other, taken: await trial.take(silent, 5) };
}

/** Extends three times a lease, as the core does. The returned function stops it and may be called twice. */
function keepAlive(trial: BrokerTrial, owner: Subscription, held: readonly Delivery[], lease: number): () => void {
  const stop = trial.clock.every(lease / 3, () => void owner.extend?.(held).catch(() => {}));
  trial.atEnd(stop);
  return stop;
}
