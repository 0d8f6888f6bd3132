import assert from 'node:assert/strict';
import { numbered, outgoing, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

/** Queues beside one another, their names and what is asked of them. */
export function queueCases({ features, anyQueueName, counts, purges, purgesDelayed }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: 'queues: do not see each other, however alike their names',
      async run(trial) {
        const { queue } = trial;
        await separate(trial, [
          queue,
          queue.toUpperCase(),
          `${queue}.dead`,
          `${queue}:1`,
          `${queue}_`,
          queue.slice(0, -1),
        ]);
      },
    },
    {
      name: 'queues: may have every name that the core lets through',
      async run(trial) {
        const { queue } = trial;
        const longest = `${queue}${'x'.repeat(128 - queue.length)}`;
        const odd = ['.', ':', '-', '_', '..', '0', '-1'].map((part) => `${part}${queue}${part}`);
        await separate(trial, ['__proto__', 'constructor', longest, `${longest}.dead`, ...odd]);
      },
    },
    {
      name: 'queues: may have any name',
      skip: !anyQueueName && 'names are limited to what the core lets through',
      async run(trial) {
        const { queue } = trial;
        const odd = [
          "it's",
          '"quoted"',
          '漢字🙂é',
          'a b',
          'a/b\\c',
          '*.#',
          '{tag}',
          '%s%_',
          '$1;--',
          '日'.repeat(30),
          'tab\tnew\nline',
        ];
        await separate(trial, [...odd.map((name) => `${name} ${queue}`), 'x'.repeat(200 - queue.length) + queue]);
      },
    },
    {
      name: 'queues: 200 at once',
      timeout: 60_000,
      async run(trial) {
        const broker = await trial.open();
        const queues = numbered(200, `${trial.queue}-`);
        await Promise.all(queues.map((queue) => trial.publish(broker, [`${queue}/1`, `${queue}/2`], queue)));
        await Promise.all(
          queues.map(async (queue) => {
            const subscription = await trial.subscribe(broker, queue);
            sameTexts(texts(await trial.finish(subscription, 2)), [`${queue}/1`, `${queue}/2`]);
            await subscription.close();
          }),
        );
      },
    },
    {
      name: 'count: what waits, without what is handed out',
      skip: !counts && 'no count',
      async run(trial) {
        const broker = await trial.open();
        const count = (): unknown => broker.count?.(trial.queue);
        assert.equal(await count(), 0, 'of a queue that nobody used');
        await trial.publish(broker, numbered(10));
        assert.equal(await count(), 10);
        const subscription = await trial.subscribe(broker);
        const taken = await trial.take(subscription, 6);
        assert.equal(await count(), 4, 'six are handed out');
        await subscription.ack(taken.slice(0, 2));
        assert.equal(await count(), 4, 'acknowledging changes nothing');
        await subscription.release(taken.slice(2, 3));
        assert.equal(await count(), 5, 'one was released');
        await subscription.close();
        const left = features.redelivery === 'none' ? 5 : 8;
        // A server may learn of the end a moment after it has answered.
        await trial.until('the rest to come back', async () => (await count()) === left);
        assert.equal(await count(), left);
      },
    },
    {
      name: 'purge: removes what waits and leaves what is handed out',
      skip: !purges && 'no purge',
      async run(trial) {
        const broker = await trial.open();
        assert.equal(await broker.purge?.(trial.queue), 0, 'of a queue that nobody used');
        const delayed = features.delay && purgesDelayed ? [outgoing('delayed', { delay: 300 })] : [];
        await trial.publish(broker, [...numbered(10), ...delayed]);
        const subscription = await trial.subscribe(broker);
        const taken = await trial.take(subscription, 4);
        assert.equal(await broker.purge?.(trial.queue), 6 + delayed.length);
        if (counts) assert.equal(await broker.count?.(trial.queue), 0);
        await trial.quiet(subscription, 600);
        assert.deepEqual(await subscription.ack(taken.slice(0, 3)), [], 'what is handed out stays ours');
        await subscription.release(taken.slice(3));
        await trial.publish(broker, ['new']);
        sameTexts(texts(await trial.finish(subscription, 2)), [...texts(taken.slice(3)), 'new']);
        await trial.quiet(subscription);
      },
    },
  ];
}

/** Publishes one message to each queue, takes one from each, and insists that it is the right one and the only one. */
async function separate(trial: BrokerTrial, queues: readonly string[]): Promise<void> {
  const broker = await trial.open();
  // Some names are the same in every run, and an earlier one may have been cut off.
  for (const queue of queues) await broker.purge?.(queue);
  for (const queue of queues) await trial.publish(broker, [`to ${queue}`], queue);
  for (const queue of queues) {
    const subscription = await trial.subscribe(broker, queue);
    assert.deepEqual(texts(await trial.finish(subscription, 1)), [`to ${queue}`]);
    await trial.quiet(subscription, 20);
    await subscription.close();
  }
}
