import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { JsonCodec, type Broker, type DeadLetter } from 'nestjs-funq';
import { SystemClock } from '../../lib/core/system-clock.js';
import { Endless, Events, Failures, Streams, Sums } from './services.js';
import { Stage, all, failure, once, type Place } from './support.js';

/** What Nest's own transports are tested for, and what a queue adds, over one broker. */
export function transportBehaviours(place: Place): void {
  describe('send', () => {
    it('answers, whatever the pattern is', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Sums] });
      const client = stage.client();
      expect(await all(client.send({ of: 'numbers', cmd: 'sum' }, [1, 2, 3]))).toEqual([6]);
      expect(await all(client.send('sum.later', [1, 2]))).toEqual([3]);
      expect(await all(client.send('sum as one says/ü', [4]))).toEqual([4]);
      expect(await all(client.send(42, 0))).toEqual(['by a number']);
    });

    it('carries what JSON lacks, nulls, and nothing at all', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Sums] });
      const client = stage.client();
      const rich = { at: new Date(0), big: 10n, bytes: Buffer.from('abc'), set: new Set([1]) };
      expect(await all(client.send('echo', rich))).toEqual([rich]);
      expect(await all(client.send('null', 1))).toEqual([null]);
      expect(await all(client.send('nothing', 1))).toEqual([]);
    });

    it('is cold: each subscription is a call', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Sums] });
      const call = stage.client().send<{ id: string }>('context', 'x');
      const [first, second] = [await lastValueFrom(call), await lastValueFrom(call)];
      expect(first.id).not.toBe(second.id);
    });

    it('gives each of many concurrent callers its own answer', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Sums] });
      const client = stage.client();
      const calls = Array.from({ length: 200 }, (_, n) => lastValueFrom(client.send<number>('sum.later', [n, 1])));
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    });

    it('tells the handler which task it runs', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Sums] });
      expect(await all(stage.client().send('context', { a: 1 }))).toEqual([
        {
          data: { a: 1 },
          id: expect.any(String) as string,
          attempt: 1,
          queue: `${stage.prefix}context`,
          pattern: 'context',
          headers: {},
        },
      ]);
    });
  });

  describe('errors', () => {
    it('reach the caller as with the transports of Nest', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Failures] });
      const client = stage.client();
      const errorOf = async (pattern: string): Promise<unknown> => (await failure(client.send(pattern, 1))).error;
      expect(await errorOf('fail.text')).toEqual({ status: 'error', message: 'no such user' });
      expect(await errorOf('fail.data')).toEqual({ code: 404, missing: ['user'] });
      expect(await errorOf('fail.unknown')).toEqual({ status: 'error', message: 'Internal server error' });
    });

    it('come after the values before them', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Failures] });
      expect(await failure(stage.client().send('fail.after', 1))).toEqual({
        values: [1, 2, 3],
        error: { status: 'error', message: 'enough' },
      });
    });

    it('tell of a pattern that nobody serves, and of a handler that takes too long', async () => {
      const stage = new Stage(place);
      const { app } = await stage.serve({ controllers: [Endless] });
      // Joining a queue takes its time on some brokers.
      const joining = stage.client().send('wait', 1).subscribe();
      await app.get(Endless).seen.many(1);
      joining.unsubscribe();
      const unknown = failure(stage.client({ timeout: 300 }).send('unknown', 1));
      const slow = failure(stage.client({ timeout: 2000 }).send('wait', 1));
      expect((await unknown).error).toMatchObject({
        code: 'FUNQ_REPLY_TIMEOUT',
        message: expect.stringContaining('no service took it up') as string,
      });
      expect((await slow).error).toMatchObject({
        code: 'FUNQ_REPLY_TIMEOUT',
        message: expect.stringContaining('has not answered') as string,
      });
    });
  });

  describe('streams', () => {
    it.each(['count', 'generate'])('of %s arrive in order, and complete', async (pattern) => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Streams] });
      const values = await all(stage.client().send(pattern, 300));
      expect(values).toEqual(Array.from({ length: 300 }, (_, index) => index));
    });

    it('without any value complete', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Streams] });
      expect(await all(stage.client().send('empty', 1))).toEqual([]);
    });

    it('side by side do not mix', async () => {
      const stage = new Stage(place);
      await stage.serve({ controllers: [Streams] });
      const client = stage.client();
      const lengths = [5, 50, 1, 20];
      const streams = await Promise.all(lengths.map((to) => all(client.send('generate', to))));
      expect(streams.map(({ length }) => length)).toEqual(lengths);
    });
  });

  describe('a caller that gives up', () => {
    it.each([
      ['tick', 'torn down'],
      ['generate.ever', 'returned'],
    ])('ends the stream of %s', async (pattern, how) => {
      const stage = new Stage(place);
      const { app, server } = await stage.serve({ controllers: [Endless] });
      const discarded = once(server, 'discarded');
      await new Promise<void>((resolve) => {
        const subscription = stage.client().send(pattern, 1).subscribe(() => {
          subscription.unsubscribe();
          resolve();
        }); // prettier-ignore
      });
      expect(await app.get(Endless).aborted.promise).toBe(how);
      await discarded;
    });

    it("aborts the handler's signal", async () => {
      const stage = new Stage(place);
      const { app, server } = await stage.serve({ controllers: [Endless] });
      const discarded = once(server, 'discarded');
      const subscription = stage.client().send('wait', 1).subscribe();
      await app.get(Endless).seen.many(1);
      subscription.unsubscribe();
      expect(await app.get(Endless).aborted.promise).toMatchObject({ code: 'FUNQ_DISCARDED' });
      await discarded;
    });
  });

  describe('emit', () => {
    it('completes when the broker holds the event, before there is any service', async () => {
      const stage = new Stage(place);
      expect(await all(stage.client().emit('happened', 1))).toEqual([undefined]);
      const { app } = await stage.serve({ controllers: [Events] });
      const { seen, alsoSeen } = app.get(Events);
      expect(await seen.many(1)).toEqual([1]);
      expect(await alsoSeen.many(1)).toEqual([1]);
    });

    it('is hot: nobody need subscribe', async () => {
      const stage = new Stage(place);
      const { app } = await stage.serve({ controllers: [Events] });
      stage.client().emit('happened', 'hot');
      expect(await app.get(Events).seen.many(1)).toEqual(['hot']);
    });

    it('retries a handler that fails, and acknowledges when it has succeeded', async () => {
      const stage = new Stage(place);
      const { app, server } = await stage.serve({ controllers: [Events] });
      const done = once(server, 'done');
      stage.client().emit('shaky', 'x');
      expect(await app.get(Events).seen.many(1)).toEqual(['x']);
      expect(app.get(Events).attempts).toBe(3);
      await done;
    });

    it('puts what fails for the last time into the dead letters, and goes on with the rest', async () => {
      const stage = new Stage(place);
      const { app, server } = await stage.serve({ controllers: [Events] });
      const dead = once(server, 'dead');
      const client = stage.client();
      await all(client.emit('broken', { good: false }));
      await all(client.emit('broken', { good: true }));
      expect(await app.get(Events).seen.many(1)).toEqual([{ good: true }]);
      await dead;
      const [letter] = await letters(stage.place(), `${stage.prefix}broken.dead`);
      expect(letter).toMatchObject({ code: 'failed', queue: `${stage.prefix}broken` });
      expect(letter!.errors).toHaveLength(2);
      expect(letter!.envelope!.args).toEqual([{ good: false }]);
    });
  });

  describe('a service that stops and comes back', () => {
    it('finds what was sent meanwhile', async () => {
      const stage = new Stage(place);
      const client = stage.client({ timeout: '15s' });
      const first = await stage.serve({ controllers: [Sums, Events] });
      expect(await all(client.send('sum.later', [1, 1]))).toEqual([2]);
      await first.close();
      const waiting = all(client.send('sum.later', [2, 2]));
      await all(client.emit('happened', 'meanwhile'));
      const second = await stage.serve({ controllers: [Sums, Events] });
      expect(await waiting).toEqual([4]);
      expect(await second.app.get(Events).seen.many(1)).toEqual(['meanwhile']);
    });

    it('lets running handlers end, and answers', async () => {
      const stage = new Stage(place);
      const { app, close } = await stage.serve({ controllers: [Endless] });
      const call = all(stage.client().send('gate', 1));
      await app.get(Endless).seen.many(1);
      const closing = close();
      app.get(Endless).open.resolve();
      expect(await call).toEqual(['opened']);
      await closing;
    });

    it('aborts handlers that still run when its grace is over, and gives their tasks back', async () => {
      const stage = new Stage(place);
      const { app, close } = await stage.serve({ controllers: [Endless] }, { shutdownGrace: 0 });
      const call = failure(stage.client({ timeout: 2000 }).send('wait', 1));
      await app.get(Endless).seen.many(1);
      await close();
      expect(await app.get(Endless).aborted.promise).toMatchObject({ code: 'FUNQ_SHUTDOWN' });
      expect((await call).error).toMatchObject({ code: 'FUNQ_REPLY_TIMEOUT' });
    });
  });
}

async function letters(broker: Broker, queue: string): Promise<DeadLetter[]> {
  const codec = new JsonCodec();
  await broker.connect({ clock: new SystemClock() });
  const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 10_000 });
  const found = await subscription.receive(10, AbortSignal.timeout(5000));
  await broker.close();
  return found.map(({ body }) => codec.decodeDeadLetter(body));
}
