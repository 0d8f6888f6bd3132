import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Broker, Outgoing } from '../../contracts/broker.js';
import { numbered, outgoing, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

const LONG = 60_000;

/** Messages whose repeats are dropped. */
export function uniqueCases({ features, purges, refused, tolerance }: BrokerFacts): BrokerCase[] {
  const skip = !features.unique && 'no unique';
  return [
    {
      name: 'unique: a repeat is dropped and counts as published, in one call and in the next, and from elsewhere',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const tick = randomUUID();
        const copy = (text: string): Outgoing => outgoing(text, { id: tick, unique: LONG });
        await offer(trial, broker, [outgoing('before'), copy('first'), copy('second'), outgoing('after')]);
        await offer(trial, broker, [copy('third')]);
        await offer(trial, await trial.reach(broker), [copy('fourth')]);
        const subscription = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(subscription, 3)), ['before', 'first', 'after']);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'unique: a repeat is dropped when the first was consumed meanwhile',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const tick = outgoing('m', { id: randomUUID(), unique: LONG });
        await offer(trial, broker, [tick]);
        const subscription = await trial.subscribe(broker);
        await trial.finish(subscription, 1);
        await subscription.close();
        await offer(trial, broker, [tick]);
        await trial.quiet(await trial.subscribe(broker));
      },
    },
    {
      name: 'unique: a repeat is dropped when the first was purged meanwhile',
      skip: skip || (!purges && 'no purge'),
      async run(trial) {
        const broker = await trial.open();
        const tick = outgoing('m', { id: randomUUID(), unique: LONG });
        await offer(trial, broker, [tick]);
        assert.equal(await broker.purge?.(trial.queue), 1);
        await offer(trial, broker, [tick]);
        await trial.quiet(await trial.subscribe(broker));
      },
    },
    {
      name: 'unique: merges nothing else: other ids, other queues, messages without it',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const [id, other] = [randomUUID(), `${trial.queue}.other`];
        const copy = (text: string, extra: Partial<Outgoing> = {}): Outgoing => outgoing(text, { id, ...extra });
        await offer(trial, broker, [copy('plain'), copy('unique', { unique: LONG }), copy('plain too')]);
        await offer(trial, broker, [copy('other id', { id: `${id}.`, unique: LONG }), copy('capital', upper(id))]);
        await offer(trial, broker, [copy('other queue', { unique: LONG })], other);
        const subscription = await trial.subscribe(broker);
        const expected = ['plain', 'unique', 'plain too', 'other id', 'capital'];
        sameTexts(texts(await trial.finish(subscription, expected.length)), expected);
        await trial.finish(await trial.subscribe(broker, other), 1);
      },
    },
    {
      name: 'unique: the id is free again when its time is over',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const copy = (text: string): Outgoing => outgoing(text, { id: trial.queue, unique: tolerance });
        await offer(trial, broker, [copy('first')]);
        await offer(trial, broker, [copy('repeat')]);
        await trial.clock.sleep(tolerance + 100);
        await offer(trial, broker, [copy('again')]);
        await offer(trial, broker, [copy('repeat')]);
        const subscription = await trial.subscribe(broker);
        assert.deepEqual(texts(await trial.finish(subscription, 2)), ['first', 'again']);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'unique: of eight publishers at once exactly one stores each message',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const publishers = await Promise.all(Array.from({ length: 8 }, () => trial.reach(broker)));
        const ticks = numbered(40, `${randomUUID()}@`);
        await Promise.all(
          publishers.map(async (publisher) => {
            for (const id of ticks) await offer(trial, publisher, [outgoing(id, { id, unique: LONG })]);
          }),
        );
        const subscription = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(subscription, ticks.length)), ticks);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'unique: is remembered by the storage and not by the broker object',
      skip: skip || (!features.durable && 'not durable'),
      async run(trial) {
        const tick = outgoing('m', { id: randomUUID(), unique: LONG });
        const first = await trial.open();
        await offer(trial, first, [tick]);
        await first.close();
        const second = await trial.open();
        await offer(trial, second, [tick]);
        const subscription = await trial.subscribe(second);
        await trial.finish(subscription, 1);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'unique: a message that was refused does not count as the first',
      skip: skip || (!refused && 'no refused message was given'),
      async run(trial) {
        const broker = await trial.open();
        const bad = { ...refused!, unique: LONG };
        const failures = await broker.publish(trial.queue, [outgoing('good'), bad]);
        assert.deepEqual(
          failures.map(({ index, repeated }) => ({ index, repeated: repeated ?? false })),
          [{ index: 1, repeated: false }],
          'the second message was bad, and no repeat',
        );
        await offer(trial, broker, [outgoing('the first', { id: bad.id, unique: LONG })]);
        const subscription = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(subscription, 2)), ['good', 'the first']);
      },
    },
  ];
}

const upper = (id: string): Partial<Outgoing> => ({ id: id.toUpperCase(), unique: LONG });

/** Publishes and insists that each message was stored, or dropped as a repeat. */
async function offer(
  trial: BrokerTrial,
  broker: Broker,
  messages: readonly Outgoing[],
  queue = trial.queue,
): Promise<void> {
  trial.uses(queue);
  const failures = await broker.publish(queue, messages);
  assert.deepEqual(
    failures.filter(({ repeated }) => !repeated),
    [],
    'each message is stored, or dropped as a repeat and then named as `repeated` or not at all',
  );
}
