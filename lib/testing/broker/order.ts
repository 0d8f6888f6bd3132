import assert from 'node:assert/strict';
import { numbered, outgoing, texts, type BrokerCase, type BrokerFacts } from './trial.js';

/** Brokers that order by key only keep the order of this one. */
const KEY = { key: 'one' };

/** Who comes before whom. */
export function orderCases({ features, keepsPlace, topPriority: top }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: 'order: first in, first out',
      skip: !features.ordered && 'not ordered',
      async run(trial) {
        const broker = await trial.open();
        const names = numbered(500);
        for (let at = 0, size = 1; at < names.length; at += size, size = (size * 7) % 40 || 1) {
          await trial.publish(
            broker,
            names.slice(at, at + size).map((name) => outgoing(name, KEY)),
          );
        }
        const subscription = await trial.subscribe(broker);
        const seen: string[] = [];
        for (const max of [1, 2, 97, 300, 100]) seen.push(...texts(await trial.take(subscription, max, max)));
        assert.deepEqual(seen, names);
      },
    },
    {
      name: 'order: holds while messages come and go',
      skip: !features.ordered && 'not ordered',
      async run(trial) {
        const broker = await trial.open();
        const subscription = await trial.subscribe(broker);
        const names = numbered(300);
        const seen: string[] = [];
        for (let at = 0; at < names.length; at += 30) {
          await trial.publish(
            broker,
            names.slice(at, at + 30).map((name) => outgoing(name, KEY)),
          );
          seen.push(...texts(await trial.finish(subscription, 20)));
        }
        seen.push(...texts(await trial.finish(subscription, 100)));
        assert.deepEqual(seen, names);
      },
    },
    {
      name: 'order: what is released keeps its place',
      skip: !keepsPlace && 'what comes back goes to the end',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(
          broker,
          numbered(8).map((name) => outgoing(name, KEY)),
        );
        const subscription = await trial.subscribe(broker);
        const taken = await trial.take(subscription, 6);
        await subscription.ack([taken[0]!, taken[3]!]);
        await subscription.release([taken[4]!, taken[1]!]);
        await subscription.release([taken[2]!, taken[5]!]);
        assert.deepEqual(texts(await trial.take(subscription, 6)), ['m2', 'm3', 'm5', 'm6', 'm7', 'm8']);
      },
    },
    {
      name: 'priority: a higher one first, equal ones in order',
      skip: !features.priority && 'no priority',
      async run(trial) {
        const broker = await trial.open();
        const priorities = { a: 5, b: undefined, c: top, d: 5, e: 1, f: 0, g: top, h: Math.min(100, top - 1) };
        await trial.publish(
          broker,
          Object.entries(priorities).map(([name, priority]) =>
            outgoing(name, { ...KEY, ...(priority && { priority }) }),
          ),
        );
        const subscription = await trial.subscribe(broker);
        const seen = [...texts(await trial.take(subscription, 3, 1)), ...texts(await trial.take(subscription, 5))].join(
          '',
        );
        const expected = 'cghadebf';
        // Without order only the priorities must fall.
        const shape = (letters: string): string =>
          features.ordered ? letters : letters.replace(/[cg]/g, 'c').replace(/[ad]/g, 'a').replace(/[bf]/g, 'b');
        assert.equal(shape(seen), shape(expected));
      },
    },
    {
      name: 'priority: a later one overtakes what waits, also what was released',
      skip: !features.priority && 'no priority',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(3));
        const subscription = await trial.subscribe(broker);
        await subscription.release(await trial.take(subscription, 1));
        await trial.publish(broker, [outgoing('urgent', { priority: Math.min(9, top) })]);
        const seen = texts(await trial.take(subscription, 4, 1));
        assert.equal(seen[0], 'urgent');
        if (features.ordered && keepsPlace) assert.deepEqual(seen.slice(1), numbered(3));
      },
    },
  ];
}
