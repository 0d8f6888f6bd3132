import assert from 'node:assert/strict';
import type { Delivery, Subscription } from '../../contracts/broker.js';
import { numbered, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** A delivery takes at most this long to notice an abort, in milliseconds. */
const ABORT = 100;
/** The contract's longest wait of `receive`. */
const LONGEST_WAIT = 5000;

/** How `receive` waits, stops and shares. */
export function receivingCases({ tolerance, partitioned }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: 'receive: never gives more than max',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, numbered(20));
        const subscription = await trial.subscribe(broker);
        const taken: Delivery[] = [];
        // `take` insists on the limit of each call.
        for (const max of [1, 7, 3, 9]) taken.push(...(await trial.take(subscription, max, max)));
        sameTexts(texts(taken), numbered(20));
      },
    },
    {
      name: 'receive: waits for the first message and then comes at once',
      async run(trial) {
        const broker = await trial.open();
        const publisher = await trial.reach(broker);
        const subscription = await trial.subscribe(broker);
        const limit = new AbortController();
        let answered = false;
        const receiving = subscription.receive(1, limit.signal).finally(() => (answered = true));
        await trial.clock.sleep(100);
        assert.equal(answered, false, 'receive must wait while nothing is there');
        const published = trial.clock.monotonic();
        await trial.publish(publisher, ['awaited']);
        trial.atEnd(trial.clock.after(tolerance, () => limit.abort()));
        assert.deepEqual(texts(await receiving), ['awaited']);
        notLonger(trial, published, tolerance, 'a message for a waiting receiver');
      },
    },
    {
      name: 'receive: ends with [] within 100 ms of an abort',
      async run(trial) {
        const subscription = await trial.subscribe(await trial.open());
        const waits: number[] = [];
        for (let round = 0; round < 5; round++) {
          const stop = new AbortController();
          const receiving = subscription.receive(10, stop.signal);
          await trial.clock.sleep(50);
          const aborted = trial.clock.monotonic();
          stop.abort();
          assert.deepEqual(await receiving, []);
          waits.push(trial.clock.monotonic() - aborted);
        }
        // The best of five: the machine may be busy with something else, the broker may not.
        assert.ok(Math.min(...waits) <= ABORT, `an abort was noticed after ${waits.map(Math.round).join(', ')} ms`);
      },
    },
    {
      name: 'receive: does not wait when its signal has aborted before',
      async run(trial) {
        const subscription = await trial.subscribe(await trial.open());
        const asked = trial.clock.monotonic();
        assert.deepEqual(await subscription.receive(1, AbortSignal.abort()), []);
        notLonger(trial, asked, tolerance, 'receive with an aborted signal');
      },
    },
    {
      name: 'receive: answers [] within five seconds on a quiet queue',
      async run(trial) {
        const subscription = await trial.subscribe(await trial.open());
        const asked = trial.clock.monotonic();
        const limit = LONGEST_WAIT + tolerance;
        const deliveries = await trial.within(limit, (signal) => subscription.receive(1, signal));
        assert.deepEqual(deliveries, []);
        notLonger(trial, asked, limit - 1, 'receive on a quiet queue');
      },
    },
    {
      name: 'receive: an abort at any moment loses nothing',
      async run(trial) {
        const broker = await trial.open();
        const publisher = await trial.reach(broker);
        const subscription = await trial.subscribe(broker);
        const taken: Delivery[] = [];
        const names = numbered(100);
        for (const [round, name] of names.entries()) {
          const stop = new AbortController();
          const receiving = subscription.receive(5, stop.signal);
          await trial.clock.sleep(round % 3);
          const publishing = trial.publish(publisher, [name]);
          // Aborted in the same turn, a few promises later, or a few milliseconds later.
          for (let promise = 0; promise < round % 8; promise++) await Promise.resolve();
          if (round % 4 === 3) await trial.clock.sleep((round % 10) / 2);
          stop.abort();
          taken.push(...(await receiving));
          await publishing;
        }
        taken.push(...(await trial.take(subscription, names.length - taken.length)));
        sameTexts(texts(taken), names);
        assert.deepEqual(await subscription.ack(taken), [], 'all that receive gave is ours');
        await trial.quiet(subscription);
      },
    },
    {
      name: 'sharing: two subscriptions share 5,000 messages without overlap or loss',
      timeout: 60_000,
      async run(trial) {
        const broker = await trial.open();
        const other = await trial.reach(broker);
        const names = numbered(5000);
        const subscriptions = [await trial.subscribe(broker), await trial.subscribe(other)];
        const taken: string[] = [];
        // While a part changes hands, nobody gets what is in it.
        const pause = partitioned ? tolerance : 500;
        const consume = async (subscription: Subscription): Promise<void> => {
          while (taken.length < names.length) {
            const deliveries = await trial.within(pause, (signal) => subscription.receive(50, signal));
            if (deliveries.length === 0 && published) return;
            taken.push(...texts(deliveries));
            assert.deepEqual(await subscription.ack(deliveries), []);
          }
        };
        let published = false;
        const consuming = Promise.all(subscriptions.map(consume));
        for (let at = 0; at < names.length; at += 500) await trial.publish(broker, names.slice(at, at + 500));
        published = true;
        await consuming;
        sameTexts(taken, names);
        for (const subscription of subscriptions) await trial.quiet(subscription);
      },
    },
  ];
}

function notLonger(trial: BrokerTrial, since: number, limit: number, what: string): void {
  const took = trial.clock.monotonic() - since;
  assert.ok(took <= limit, `${what} took ${Math.round(took)} ms, more than ${limit} ms`);
}
