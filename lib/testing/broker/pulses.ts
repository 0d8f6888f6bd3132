import assert from 'node:assert/strict';
import type {
  Broker,
  Delivery,
  OpenPulse,
  PulseConnection,
  PulseSource,
  Subscription,
} from '../../contracts/broker.js';
import { numbered, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** What a thread does with a subscription's pulse while the event loop is blocked; here the loop only keeps quiet. */
export function pulseCases({ lease, pulse }: BrokerFacts): BrokerCase[] {
  const skip = lease === false ? 'no lease runs down' : !pulse && 'the suite was not told of a pulse';
  const length = lease || 0;
  return [
    {
      name: 'pulse: a subscription that tells of none has none',
      skip: pulse && 'there is one',
      async run(trial) {
        const subscription = await trial.subscribe(await trial.open());
        assert.equal(subscription.pulse, undefined, 'tell the suite of it with `pulse: true`');
      },
    },
    {
      name: 'pulse: keeps the leases of several subscriptions while nothing else does',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const owners = [await holding(trial, broker, length), await holding(trial, broker, length)];
        const other = await trial.subscribe(await trial.reach(broker), trial.queue, length);
        const both = owners.map(({ owner }) => owner);
        const stop = await beatFor(trial, both, length);
        await trial.quiet(other, length * 2.3);
        stop();
        for (const { owner, taken } of owners) {
          assert.deepEqual(await owner.extend?.(taken), [], 'nothing was lost');
          assert.deepEqual(await owner.ack(taken), [], 'they were kept, so they can be acknowledged');
        }
        await trial.quiet(other, length * 1.2);
      },
    },
    {
      name: 'pulse: does not bring back what was lost',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const { owner, taken } = await holding(trial, broker, length);
        const other = await trial.subscribe(await trial.reach(broker), trial.queue, length * 10);
        const again = await trial.take(other, 5);
        sameTexts(texts(again), texts(taken));
        const stop = await beatFor(trial, [owner], length);
        await trial.clock.sleep(length / 2);
        stop();
        sameTexts(texts((await owner.extend?.(taken)) ?? []), texts(taken), 'extend must name what was lost');
        assert.deepEqual(await other.ack(again), [], 'they are the other one’s');
      },
    },
    {
      name: 'pulse: the one after a loss keeps what is taken from then on',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const { owner, taken } = await holding(trial, broker, length);
        const other = await trial.subscribe(await trial.reach(broker), trial.queue, length);
        assert.deepEqual(await other.ack(await trial.take(other, 5)), []);
        sameTexts(texts((await owner.extend?.(taken)) ?? []), texts(taken));
        await trial.publish(broker, numbered(5, 'n'));
        const kept = await trial.take(owner, 5);
        const stop = await beatFor(trial, [owner], length);
        await trial.quiet(other, length * 2.3);
        stop();
        assert.deepEqual(await owner.ack(kept), [], 'look at `pulse` again after `extend` and `receive`');
      },
    },
  ];
}

interface Holding {
  readonly owner: Subscription;
  readonly taken: Delivery[];
}

/** A subscription that holds five messages under the shortest lease. */
async function holding(trial: BrokerTrial, broker: Broker, lease: number): Promise<Holding> {
  const owner = await trial.subscribe(broker, trial.queue, lease);
  await trial.publish(broker, numbered(5));
  return { owner, taken: await trial.take(owner, 5) };
}

/** Does what a thread would with the pulses as they are now, four times a lease, until the returned function is called. */
async function beatFor(trial: BrokerTrial, owners: readonly Subscription[], lease: number): Promise<() => void> {
  const sources = new Map<PulseSource, unknown[]>();
  for (const { pulse } of owners) {
    assert.ok(pulse, 'the suite was told of a pulse, and there is none');
    sources.set(pulse.source, [...(sources.get(pulse.source) ?? []), pulse.id]);
  }
  const beats: (() => Promise<void>)[] = [];
  for (const [source, ids] of sources) {
    const connection = await open(trial, source);
    beats.push(() => connection.beat(structuredClone(ids)));
  }
  const beat = (): void => void Promise.all(beats.map((run) => run())).catch(() => undefined);
  beat();
  const stop = trial.clock.every(lease / 4, beat);
  trial.atEnd(stop);
  return stop;
}

/** Nothing but a copy gets to another thread. */
async function open(trial: BrokerTrial, { module, data }: PulseSource): Promise<PulseConnection> {
  const { openPulse } = (await import(module)) as { readonly openPulse: OpenPulse };
  const connection = await openPulse(structuredClone(data) as never, { clock: trial.clock });
  trial.atEnd(() => connection.close());
  return connection;
}
