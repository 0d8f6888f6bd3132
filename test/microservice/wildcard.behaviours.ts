import { tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { FunqDeadLetters } from 'nestjs-funq';
import { FunqRecord, patternQueue } from 'nestjs-funq/microservice';
import { boot, signal } from '../nest/support/app.js';
import { Stage, all, once, type Place } from './support.js';
import { Answering, Anything, Failing, Gathering, Plain, Pricing } from './wildcard.services.js';

/** What patterns with wildcards do, over a broker that has them. */
export function wildcardBehaviours(place: Place): void {
  it('each handler whose pattern matches gets one copy, and learns what was emitted', async () => {
    const stage = new Stage(place);
    const { seen } = (await stage.serve({ controllers: [Anything] })).app.get(Anything);
    const client = stage.client();
    const emitted = {
      order: ['order.#', '#'],
      'order.created': ['order.created', 'order.*', 'order.#', '*.created', '#'],
      'order.line.created': ['order.#', '#'],
      'bill.created': ['*.created', '#'],
      'order.größer als/x': ['order.*', 'order.#', '#'],
      'orders.x': ['#'],
    };
    const expected = Object.entries(emitted).flatMap(([name, by]) => by.map((each) => [each, name, 1]));
    for (const name of Object.keys(emitted)) await all(client.emit(name, 1));
    expect(sorted(await seen.many(expected.length))).toEqual(sorted(expected));
    await all(client.emit('order.created', 'last'));
    expect((await seen.many(expected.length + 5)).slice(expected.length)).toHaveLength(5);
    expect(seen.values.filter((value) => (value as unknown[])[2] === 1)).toHaveLength(expected.length);
  });

  it('an object is one name, whatever stands in it', async () => {
    const stage = new Stage(place);
    const { seen } = (await stage.serve({ controllers: [Anything] })).app.get(Anything);
    const client = stage.client();
    await all(client.emit({ topic: 'order.*.#' }, 1));
    await all(client.emit({ order: 'x'.repeat(500) }, 2));
    expect(await seen.many(2)).toEqual([
      ['#', '{"topic":"order.*.#"}', 1],
      ['#', `{"order":"${'x'.repeat(500)}"}`, 2],
    ]);
  });

  it('a retry comes to the handler that failed, and to no other', async () => {
    const stage = new Stage(place);
    const { app, server } = await stage.serve({ controllers: [Failing] });
    const { seen } = app.get(Failing);
    const [retried, done] = [once(server, 'retried'), once(server, 'done', patternQueue('order.*', stage.prefix))];
    const client = stage.client();
    await all(client.emit('order.paid', 1));
    expect(await retried).toMatchObject({ delay: 1100 });
    await done;
    // What a retry had spread would stand before this.
    await all(client.emit('bill.paid', 2));
    expect(sorted(await seen.many(5))).toEqual([
      ['*.paid', 'bill.paid', 2],
      ['*.paid', 'order.paid', 1],
      ['bill.*', 'bill.paid', 2],
      ['order.*', 'order.paid', 1],
      ['order.*', 'order.paid', 1],
    ]);
  });

  it('a dead letter lies in the queue of its own pattern, and is replayed to that alone', async () => {
    const stage = new Stage(place);
    const { app, server } = await stage.serve({ controllers: [Failing] });
    const handlers = app.get(Failing);
    const dead = once(server, 'dead');
    const client = stage.client();
    await all(client.emit('bill.paid', 1));
    await dead;
    const queue = patternQueue('bill.*', stage.prefix);
    const letters = (await boot({}, { brokers: { default: place() } })).app.get(FunqDeadLetters);
    expect(await letters.list(`${queue}.dead`)).toMatchObject([{ queue, envelope: { pattern: 'bill.paid' } }]);
    handlers.broken = false;
    const done = once(server, 'done', queue);
    expect(await letters.replay(`${queue}.dead`)).toBe(1);
    await done;
    await all(client.emit('bill.paid', 2));
    expect(sorted(await handlers.seen.many(5))).toEqual([
      ['*.paid', 'bill.paid', 1],
      ['*.paid', 'bill.paid', 2],
      ['bill.*', 'bill.paid', 1],
      ['bill.*', 'bill.paid', 1],
      ['bill.*', 'bill.paid', 2],
    ]);
  });

  it('a delayed event comes to all that match when it is due', async () => {
    const stage = new Stage(place);
    const { seen } = (await stage.serve({ controllers: [Anything] })).app.get(Anything);
    const emitted = performance.now();
    await all(stage.client().emit('order.created', new FunqRecord('due', { delay: 900 })));
    const got = await seen.many(5);
    expect(performance.now() - emitted).toBeGreaterThanOrEqual(899);
    const by = ['#', '*.created', 'order.#', 'order.*', 'order.created'];
    expect(sorted(got)).toEqual(by.map((each) => [each, 'order.created', 'due']));
  });

  it('services of one wildcard share its queue', async () => {
    const stage = new Stage(place);
    const services = await Promise.all([1, 2].map(() => stage.serve({ controllers: [Gathering] })));
    const seen = services.map(({ app }) => app.get(Gathering).seen);
    const client = stage.client();
    const executed = new Promise<void>((resolve) => {
      let left = 40;
      for (const { server } of services) server.on('done', () => --left === 0 && resolve());
    });
    await Promise.all(Array.from({ length: 40 }, (_, n) => all(client.emit(`order.${n}`, n))));
    await executed;
    const got = seen.flatMap(({ values }) => values.map((value) => (value as unknown[])[2] as number));
    expect(got.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  describe('a service that is away', () => {
    it('finds what was emitted meanwhile', async () => {
      const stage = new Stage(place);
      const first = await stage.serve({ controllers: [Gathering] });
      await first.close();
      await all(stage.client().emit('order.created', 'meanwhile'));
      const { app } = await stage.serve({ controllers: [Gathering] });
      expect(await app.get(Gathering).seen.many(1)).toEqual([['order.*', 'order.created', 'meanwhile']]);
    });

    it('and was never there finds what nobody else got', async () => {
      const stage = new Stage(place);
      const client = stage.client();
      await all(client.emit('order.created', 'nobody'));
      const wild = await stage.serve({ controllers: [Gathering] });
      await all(client.emit('order.created', 'wild'));
      await all(client.emit('order.created', new FunqRecord('due', { delay: 100 })));
      const { seen } = wild.app.get(Gathering);
      expect(await seen.many(2)).toEqual(['wild', 'due'].map((data) => ['order.*', 'order.created', data]));
      const plain = await stage.serve({ controllers: [Plain] });
      await all(client.emit('order.created', 'both'));
      expect(await plain.app.get(Plain).seen.many(2)).toEqual([
        ['order.created', 'order.created', 'nobody'],
        ['order.created', 'order.created', 'both'],
      ]);
      expect((await seen.many(3))[2]).toEqual(['order.*', 'order.created', 'both']);
    });
  });

  describe('a request', () => {
    it('is answered by a wildcard', async () => {
      const stage = new Stage(place);
      const client = stage.client();
      const { app } = await stage.serve({ controllers: [Answering] });
      app.get(Answering).open.resolve();
      expect(await all(client.send('price.apple', 1))).toEqual(['price.apple of 1']);
      expect(await all(client.send('count.up', 3))).toEqual(['count.up', 0, 1, 2]);
    });

    it('that several get is executed by each, and has the answer of one', async () => {
      const stage = new Stage(place);
      const answering = await stage.serve({ controllers: [Answering] });
      const pricing = await stage.serve({ controllers: [Pricing] });
      const client = stage.client();
      expect(await all(client.send('price.pear', 2))).toEqual(['at once']);
      answering.app.get(Answering).open.resolve();
      expect(await answering.app.get(Answering).seen.many(1)).toEqual([['price.*', 'price.pear', 2]]);
      expect(await pricing.app.get(Pricing).seen.many(1)).toEqual([['price.pear', 'price.pear', 2]]);
    });

    it('that several answer in parts has the parts of one', async () => {
      const stage = new Stage(place);
      const first = await stage.serve({ controllers: [Answering] });
      const second = await stage.serve({ controllers: [Pricing] });
      const begun = signal();
      const counting = stage
        .client()
        .send<unknown>('count.both', 3)
        .pipe(tap(() => begun.resolve()));
      const values = all(counting);
      await begun.promise;
      const done = once(second.server, 'done');
      second.app.get(Pricing).open.resolve();
      await done;
      first.app.get(Answering).open.resolve();
      expect(await values).toEqual(['count.both', 0, 1, 2]);
    });
  });
}

const sorted = (values: readonly unknown[]): unknown[] =>
  values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
