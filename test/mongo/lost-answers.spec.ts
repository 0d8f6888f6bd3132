import { randomUUID } from 'node:crypto';
import mongoose, { type Connection } from 'mongoose';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Broker, Delivery, Subscription } from 'nestjs-funq';
import { mongo } from 'nestjs-funq/mongo';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();

withService('mongo', (url) => {
  async function opened(): Promise<{ broker: Broker; connection: Connection; collection: string }> {
    const collection = `t${randomUUID().slice(0, 8)}`;
    const broker = mongo({ url, collection });
    const connection = await mongoose.createConnection(url).asPromise();
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    await broker.connect({ clock });
    return { broker, connection, collection };
  }

  const publish = (broker: Broker, ...texts: string[]): Promise<unknown> =>
    broker.publish(
      'q',
      texts.map((text) => ({ id: text, body: Buffer.from(text) })),
    );
  const subscribe = (broker: Broker): Promise<Subscription> => broker.subscribe('q', { prefetch: 10, lease: 10_000 });
  const receive = (subscription: Subscription): Promise<Delivery[]> =>
    subscription.receive(10, new AbortController().signal);
  const seen = (deliveries: readonly Delivery[]): [string, number][] =>
    deliveries.map(({ body, redelivered }) => [Buffer.from(body).toString(), redelivered]);

  const isClaim = (change: unknown): boolean => JSON.stringify(change).includes('"state":"held"');

  /** The server does what the next such call asks for, and its answer is lost on the way. */
  function losesAnswer(verb: 'updateMany' | 'deleteMany', isIt: (change: unknown) => boolean = () => true): void {
    const { prototype } = mongoose.mongo.Collection;
    const original = prototype[verb] as (...args: unknown[]) => Promise<unknown>;
    let lost = false;
    const spy = vi.spyOn(prototype, verb).mockImplementation(async function (this: unknown, ...args: unknown[]) {
      const answer = await original.apply(this, args);
      if (lost || !isIt(args[1])) return answer;
      lost = true;
      throw new mongoose.mongo.MongoNetworkError('the connection was reset');
    } as never);
    onTestFinished(() => spy.mockRestore());
  }

  describe('an answer that is lost', () => {
    it('of a claim costs nothing: the next call hands out what it took, uncounted', async () => {
      const { broker } = await opened();
      const subscription = await subscribe(broker);
      await publish(broker, 'a', 'b');
      losesAnswer('updateMany', isClaim);
      await expect(receive(subscription)).rejects.toMatchObject({ away: true });
      const taken = await receive(subscription);
      expect(seen(taken)).toEqual([['a', 0], ['b', 0]]); // prettier-ignore
      await publish(broker, 'c');
      const more = await receive(subscription);
      expect(seen(more)).toEqual([['c', 0]]);
      expect(await subscription.ack([...taken, ...more])).toEqual([]);
      expect(await broker.count!('q')).toBe(0);
    });

    it('of a claim is not forgotten, however long the server is away after that', async () => {
      const { broker } = await opened();
      const subscription = await subscribe(broker);
      await publish(broker, 'a');
      losesAnswer('updateMany', isClaim);
      await expect(receive(subscription)).rejects.toMatchObject({ away: true });
      const ahead = vi.spyOn(clock, 'monotonic').mockImplementation(() => performance.now() + 20_000);
      onTestFinished(() => ahead.mockRestore());
      expect(seen(await receive(subscription))).toEqual([['a', 0]]);
    });

    it('of an acknowledgement is not taken for a loss when it is tried again', async () => {
      const { broker } = await opened();
      const subscription = await subscribe(broker);
      await publish(broker, 'a', 'b');
      const taken = await receive(subscription);
      losesAnswer('deleteMany');
      await expect(subscription.ack(taken)).rejects.toMatchObject({ away: true });
      expect(await subscription.ack(taken)).toEqual([]);
      expect(await subscription.ack(taken)).toEqual(taken);
    });

    it('of a release is not taken for a loss when it is tried again', async () => {
      const { broker } = await opened();
      const subscription = await subscribe(broker);
      await publish(broker, 'a');
      const taken = await receive(subscription);
      losesAnswer('updateMany');
      await expect(subscription.release(taken)).rejects.toMatchObject({ away: true });
      expect(await subscription.release(taken)).toEqual([]);
      expect(seen(await receive(subscription))).toEqual([['a', 0]]);
    });
  });

  it('an acknowledgement of what the server forgot, and another consumer has done, is none', async () => {
    const { broker, connection, collection } = await opened();
    const subscription = await subscribe(broker);
    await publish(broker, 'a');
    const taken = await receive(subscription);
    // As after the fall of a server that stands alone, and writes its journal every 100 ms.
    await connection
      .collection(`${collection}_tasks`)
      .updateMany({}, { $set: { state: 'ready', deliveries: 0 }, $unset: { owner: '', claim: '' } });
    const other = await subscribe(broker);
    expect(await other.ack(await receive(other))).toEqual([]);
    expect(await subscription.ack(taken)).toEqual(taken);
  });

  describe('messages that are held', () => {
    it('by nobody who is there come back, counted', async () => {
      const { broker, connection, collection } = await opened();
      await publish(broker, 'a');
      await connection
        .collection(`${collection}_tasks`)
        .updateMany({}, { $set: { state: 'held', owner: 'nobody' }, $inc: { deliveries: 1 } });
      expect(seen(await receive(await subscribe(broker)))).toEqual([['a', 1]]);
    });

    it('by a consumer that was given up by one which died over it come back, counted', async () => {
      const { broker, connection, collection } = await opened();
      await publish(broker, 'a');
      await connection
        .collection(`${collection}_consumers`)
        .insertOne({ _id: 'x' as never, beats: 1, lease: 1e9, dead: true });
      await connection
        .collection(`${collection}_tasks`)
        .updateMany({}, { $set: { state: 'held', owner: 'x' }, $inc: { deliveries: 1 } });
      expect(seen(await receive(await subscribe(broker)))).toEqual([['a', 1]]);
      expect(await connection.collection(`${collection}_consumers`).countDocuments()).toBe(1);
    });
  });
});
