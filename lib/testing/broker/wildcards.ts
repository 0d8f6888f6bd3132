import assert from 'node:assert/strict';
import type { Broker, Subscription } from '../../contracts/broker.js';
import { outgoing, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** Messages that are spread to every queue whose pattern matches. */
export function wildcardCases({ features, refused, tolerance }: BrokerFacts): BrokerCase[] {
  const skip = !features.wildcards && 'no wildcards';
  return [
    {
      name: 'wildcards: `*` is one word, `#` any number of them, and each queue that matches gets one copy',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const names = ['a', 'a.b', 'a.b.c', 'b.c', 'ab.c', 'a..b'];
        const expected: Readonly<Record<string, readonly string[]>> = {
          'a.b': ['a.b'],
          '*': ['a'],
          '*.*': ['a.b', 'b.c', 'ab.c'],
          'a.*': ['a.b'],
          'a.*.c': ['a.b.c'],
          '*.*.*': ['a.b.c', 'a..b'],
          'a.#': ['a', 'a.b', 'a.b.c', 'a..b'],
          '#.c': ['a.b.c', 'b.c', 'ab.c'],
          'a.#.b': ['a.b', 'a..b'],
          '#.b.#': ['a.b', 'a.b.c', 'b.c', 'a..b'],
          '#': names,
        };
        const patterns = Object.keys(expected);
        const queues = await Promise.all(patterns.map((pattern, n) => listen(trial, broker, `${n}`, pattern)));
        for (const name of names) await spread(trial, await trial.reach(broker), name);
        for (const [n, queue] of queues.entries()) {
          const wanted = expected[patterns[n]!]!;
          sameTexts(texts(await trial.finish(queue, wanted.length)), wanted, `what ${patterns[n]} matches`);
          await trial.quiet(queue, 20);
        }
      },
    },
    {
      name: 'wildcards: a queue that was subscribed to without a pattern gets what is spread by its name',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const named = await trial.subscribe(broker, keyOf(trial, 'x.y'));
        const wild = await listen(trial, broker, 'wild', 'x.*');
        await spread(trial, broker, 'x.y');
        await spread(trial, broker, 'x.z');
        sameTexts(texts(await trial.finish(wild, 2)), ['x.y', 'x.z']);
        sameTexts(texts(await trial.finish(named, 1)), ['x.y']);
        await trial.quiet(named);
      },
    },
    {
      name: 'wildcards: what is published without `spread` goes to its queue alone, also in one call with what is spread',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const queue = keyOf(trial, 'x.y');
        const wild = await listen(trial, broker, 'wild', 'x.*');
        await trial.publish(broker, [outgoing('straight'), outgoing('spread', { spread: queue })], queue);
        sameTexts(texts(await trial.finish(wild, 1)), ['spread']);
        await trial.quiet(wild);
        const straight = await trial.subscribe(broker, queue);
        sameTexts(texts(await trial.finish(straight, 1)), ['straight']);
        await trial.quiet(straight);
      },
    },
    {
      name: 'wildcards: what no queue matches waits in the queue that it was published to, which gets no more of it than that',
      skip,
      async run(trial) {
        const broker = await trial.open();
        await spread(trial, broker, 'x.y', 'nobody yet');
        const wild = await listen(trial, broker, 'wild', 'x.*');
        await spread(trial, broker, 'x.y', 'somebody');
        sameTexts(texts(await trial.finish(wild, 1)), ['somebody']);
        const named = await trial.subscribe(broker, keyOf(trial, 'x.y'));
        sameTexts(texts(await trial.finish(named, 1)), ['nobody yet']);
        await spread(trial, broker, 'x.y', 'both');
        sameTexts([...texts(await trial.finish(named, 1)), ...texts(await trial.finish(wild, 1))], ['both', 'both']);
      },
    },
    {
      name: 'wildcards: subscriptions to one queue share its copies',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const first = await listen(trial, broker, 'wild', 'x.*');
        const second = await listen(trial, await trial.reach(broker), 'wild', 'x.*');
        await spread(trial, broker, 'x.1');
        const taken = await trial.take(first, 1);
        await spread(trial, broker, 'x.2');
        sameTexts([...texts(taken), ...texts(await trial.finish(second, 1))], ['x.1', 'x.2']);
        await first.ack(taken);
        await Promise.all([trial.quiet(first), trial.quiet(second)]);
      },
    },
    {
      name: 'wildcards: what can not be stored is told by its place, and the rest is stored',
      skip: skip || (!refused && 'no refused message was given'),
      async run(trial) {
        const broker = await trial.open();
        const key = keyOf(trial, 'x.y');
        const wild = await listen(trial, broker, 'wild', 'x.*');
        const bad = { ...refused!, spread: key };
        trial.uses(key);
        const messages = [outgoing('1'), bad, outgoing('2', { spread: key }), bad, outgoing('3', { spread: key })];
        const failures = await broker.publish(key, messages);
        assert.deepEqual(failures.map(({ index }) => index).toSorted(), [1, 3]);
        sameTexts(texts(await trial.finish(wild, 2)), ['2', '3']);
        sameTexts(texts(await trial.finish(await trial.subscribe(broker, key), 1)), ['1']);
      },
    },
    {
      name: 'wildcards: what is given back comes to its own queue again, and to no other',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const gives = await listen(trial, broker, 'gives', 'x.*');
        const other = await listen(trial, broker, 'other', 'x.#');
        await spread(trial, broker, 'x.1');
        await trial.finish(other, 1);
        await gives.release(await trial.take(gives, 1));
        sameTexts(texts(await trial.finish(gives, 1)), ['x.1']);
        await trial.quiet(other);
      },
    },
    {
      name: 'wildcards: a queue that nobody consumes at present gets its copies all the same',
      skip,
      async run(trial) {
        const broker = await trial.open();
        const before = await listen(trial, broker, 'wild', 'x.*');
        await before.close();
        if (features.durable) await broker.close();
        const publisher = features.durable ? await trial.open() : broker;
        await spread(trial, publisher, 'x.meanwhile');
        const after = await listen(trial, publisher, 'wild', 'x.*');
        sameTexts(texts(await trial.finish(after, 1)), ['x.meanwhile']);
      },
    },
    {
      name: 'wildcards: what is delayed goes to every queue that matches when it is due',
      skip: skip || (!features.delay && 'no delay'),
      async run(trial) {
        const broker = await trial.open();
        await spread(trial, broker, 'z.y', 'nobody yet');
        const early = await listen(trial, broker, 'early', 'x.*');
        const named = await trial.subscribe(broker, keyOf(trial, 'x.y'));
        const delay = 800;
        const start = trial.clock.monotonic();
        await spread(trial, broker, 'x.y', 'due', delay);
        await spread(trial, broker, 'z.y', 'due', delay);
        const late = await listen(trial, broker, 'late', '#.y');
        for (const queue of [early, named, late, late]) {
          sameTexts(texts(await trial.finish(queue, 1)), ['due']);
          const waited = trial.clock.monotonic() - start;
          assert.ok(waited >= delay - 1, `due after ${waited} of ${delay} ms`);
          assert.ok(waited <= delay + tolerance, `late: after ${waited} of ${delay} ms`);
        }
        const unmatched = await trial.subscribe(broker, keyOf(trial, 'z.y'));
        sameTexts(texts(await trial.finish(unmatched, 1)), ['nobody yet']);
        for (const queue of [early, named, late, unmatched]) await trial.quiet(queue);
      },
    },
  ];
}

/** Words that no other case uses, so that its wildcards match nothing else. */
const keyOf = ({ queue }: BrokerTrial, name: string): string => `${queue}.${name}`;

function listen(trial: BrokerTrial, broker: Broker, name: string, pattern: string): Promise<Subscription> {
  const queue = `${trial.queue}-${name}`;
  trial.uses(queue);
  return broker.subscribe(queue, { prefetch: 1000, lease: 60_000, pattern: keyOf(trial, pattern) });
}

function spread(trial: BrokerTrial, broker: Broker, name: string, text = name, delay = 0): Promise<void> {
  const key = keyOf(trial, name);
  return trial.publish(broker, [outgoing(text, { spread: key, ...(delay > 0 && { delay }) })], key);
}
