import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { numbered, outgoing, sameTexts, texts, type BrokerCase, type BrokerFacts } from './trial.js';

/** What is put in comes out, whole and unchanged. */
export function bodyCases({ refused, counts }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: 'bodies: every body comes back byte for byte',
      async run(trial) {
        const bodies = [
          new Uint8Array(0),
          Uint8Array.from({ length: 256 }, (_, index) => index),
          Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
          Buffer.from('\u0000"\'\\\r\n{}漢字🙂'),
          randomBytes(2 ** 20),
          // A view into a larger buffer: what surrounds it is none of the message.
          new Uint8Array(Buffer.from('before|body|after').buffer.slice(0)).subarray(7, 11),
        ];
        const broker = await trial.open();
        await trial.publish(
          broker,
          bodies.map((body) => outgoing('', { body })),
        );
        const taken = await trial.finish(await trial.subscribe(broker), bodies.length);
        for (const { body } of taken) assert.ok(body instanceof Uint8Array, 'a body is a Uint8Array');
        const digests = (list: readonly Uint8Array[]): string[] =>
          list.map((body) => Buffer.from(body).toString('base64'));
        sameTexts(digests(taken.map(({ body }) => body)), digests(bodies), 'the bodies differ');
      },
    },
    {
      name: 'publish: a batch of 1,000 is stored whole',
      async run(trial) {
        const broker = await trial.open();
        const names = numbered(1000);
        await trial.publish(broker, names);
        if (counts) assert.equal(await broker.count?.(trial.queue), 1000);
        const subscription = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(subscription, 1000)), names);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'publish: what comes before the first subscription is kept',
      async run(trial) {
        const publisher = await trial.open();
        await trial.publish(publisher, ['early']);
        const subscription = await trial.subscribe(await trial.reach(publisher));
        assert.deepEqual(texts(await trial.finish(subscription, 1)), ['early']);
      },
    },
    {
      name: 'publish: equal bodies under different ids are different messages',
      async run(trial) {
        const broker = await trial.open();
        await trial.publish(broker, ['same', 'same']);
        await trial.publish(broker, ['same']);
        const subscription = await trial.subscribe(broker);
        assert.deepEqual(texts(await trial.finish(subscription, 3)), ['same', 'same', 'same']);
        await trial.quiet(subscription);
      },
    },
    {
      name: 'publish: twenty publishers at once lose nothing',
      async run(trial) {
        const first = await trial.open();
        const second = await trial.reach(first);
        const subscription = await trial.subscribe(first);
        const names = Array.from({ length: 20 }, (_, publisher) => numbered(50, `p${publisher}-`));
        const publishing = names.map(async (own, publisher) => {
          for (let at = 0; at < own.length; at += 5) {
            await trial.publish(publisher % 2 ? second : first, own.slice(at, at + 5));
          }
        });
        const [taken] = await Promise.all([trial.finish(subscription, 1000), ...publishing]);
        sameTexts(texts(taken), names.flat());
        await trial.quiet(subscription);
      },
    },
    {
      name: 'publish: a refused message is named and does not hold up the others',
      skip: !refused && 'no refused message was given',
      async run(trial) {
        const broker = await trial.open();
        const failures = await broker.publish(trial.queue, [outgoing('before'), refused!, outgoing('after')]);
        assert.deepEqual(
          failures.map(({ index }) => index),
          [1],
          'only the second message was bad',
        );
        assert.ok(failures[0]?.error instanceof Error, 'a failure carries its reason');
        const subscription = await trial.subscribe(broker);
        sameTexts(texts(await trial.finish(subscription, 2)), ['before', 'after']);
        await trial.quiet(subscription);
      },
    },
  ];
}
