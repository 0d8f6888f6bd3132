import { Injectable } from '@nestjs/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqCounters, type ConsumerCounters, type PublishOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, turns } from '../support/app.js';
import { Book, fated, witnessed } from './ledger.js';

const KINDS = [
  'succeed',
  'fail',
  'doom',
  'requeue',
  'discard',
  'expire',
  'slow',
  'overdue',
  'twins',
  'garbage',
] as const;
type Kind = (typeof KINDS)[number];
interface Fate {
  readonly kind: Kind;
  readonly n: number;
  /** Retries go through the queue. */
  readonly away: boolean;
}

function optionsOf({ kind, away }: Fate): PublishOptions {
  return {
    ...(away && { retry: { times: 3, delay: '2s' } }),
    ...(kind === 'expire' && { expire: 400, delay: 500 }),
    ...(kind === 'overdue' && { timeout: 100, retry: 0 }),
    ...(kind === 'twins' && { filter: true }),
  };
}

describe('the counters at rest', () => {
  it('equal what the functions and the broker saw, whatever became of the tasks', { timeout: 60_000 }, async () => {
    const fates = fc.array(
      fc.record({ kind: fc.constantFrom(...KINDS), n: fc.integer({ min: 1, max: 3 }), away: fc.boolean() }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(fates, fc.constantFrom(1, 3, 50), async (list, concurrency) => {
        const [clock, book] = [new ManualClock(), new Book()];
        const { broker, inner, seen } = witnessed();
        const Fated = fated(book, clock, concurrency);
        const coordination = memoryCoordination();
        const options = { brokers: { default: broker }, clock, stores: { coordination }, shutdownGrace: 0 };
        const { app, funq, close } = await boot({ providers: [Fated] }, options);
        for (const [nonce, fate] of list.entries()) {
          const { kind, n } = fate;
          if (kind === 'garbage') await inner.publish('fated', [{ id: `${nonce}`, body: Buffer.from('{') }]);
          for (let copy = 0; copy < (kind === 'twins' ? 2 : 1) && kind !== 'garbage'; copy++)
            await funq.publish('fated', [kind === 'twins' ? 'slow' : kind, n, nonce], optionsOf(fate));
        }
        // Long enough for the slowest of all, one after another.
        for (let n = 0; n < 15 + list.length * 7; n++) await clock.advance(500);

        const of = (...kinds: Kind[]): Fate[] => list.filter(({ kind }) => kinds.includes(kind));
        const counters = await app.get(FunqCounters).of(Fated, 'run');
        const { total } = counters;
        const again = book.runs.filter(({ attempt }) => attempt > 1).length;
        expect({ ...total, deferred: 0 }).toEqual({
          published: seen.published.length,
          started: seen.handed - of('garbage').length,
          done: book.returned.length,
          failed: book.threw.length + of('overdue').length,
          retried: again,
          requeued: book.requeued.length,
          deferred: 0,
          filtered: of('twins').length,
          expired: of('expire').length,
          discarded: book.discarded.length,
          dead: await inner.count!('fated.dead'),
          released: 0,
          late: book.late.length,
          leaseLost: 0,
        });
        // Copies that were neither retries nor requeues: an equal call was running.
        const sent = list.length - of('garbage').length + of('twins').length;
        const away = seen.published.length - sent - total.requeued - total.deferred;
        expect(away).toBe(
          list
            .filter(({ kind, away: far }) => far && ['fail', 'doom'].includes(kind))
            .reduce((sum, { kind, n }) => sum + (kind === 'doom' ? 3 : n), 0),
        );
        // By what the tasks were told, without asking anybody.
        expect(total).toMatchObject({
          done: of('succeed', 'fail', 'requeue', 'slow', 'twins').length,
          dead: of('doom', 'overdue', 'garbage').length,
          discarded: of('discard').length,
          late: of('overdue').length,
          requeued: of('requeue').reduce((sum, { n }) => sum + n, 0),
        });
        expect(seen.acked).toBe(seen.handed - seen.released);
        expect(counters).toMatchObject({ running: 0, waiting: 0, remaining: 0, eta: 0 });
        await close();
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('of tasks that were cut off by the shutdown tell of what was given back', async () => {
    const clock = new ManualClock();
    @Injectable()
    class Stuck {
      @Consumer({ queue: 'stuck', concurrency: 2 })
      run(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const { app, funq, close, events } = await boot({ providers: [Stuck] }, { clock, shutdownGrace: 0 });
    const began = events.next('started');
    await funq.publishMany('stuck', [[1], [2], [3]]);
    await began;
    await turns();
    const counters = app.get(FunqCounters);
    expect(await counters.of('stuck')).toMatchObject({ running: 2, waiting: 1, remaining: 3, total: { started: 2 } });
    let last: Promise<ConsumerCounters> | undefined;
    events.on('released', () => (last = counters.of('stuck')));
    await close();
    expect((await last!).total).toMatchObject({ published: 3, started: 2, released: 2, done: 0 });
    expect(clock.pending).toBe(0);
  });
});

describe('the counters', () => {
  @Injectable()
  class Mail {
    @Consumer({ queue: 'mail' })
    send(): void {}
    @Consumer({ queue: 'mail', broker: 'other' })
    sendOther(): void {}
    plain(): void {}
  }
  const brokers = () => ({ default: memory(), other: memory() });

  it('tell queues of one name on two brokers apart, by method, by queue and all together', async () => {
    const { app, funq, events } = await boot({ providers: [Mail] }, { brokers: brokers() });
    await Promise.all([events.next('done'), funq.to(Mail).send()]);
    await funq.ask(Mail).sendOther();
    await funq.ask(Mail).sendOther();
    await turns();
    const counters = app.get(FunqCounters);
    const done = async (reading: Promise<ConsumerCounters>): Promise<unknown> => {
      const { broker, handler, total } = await reading;
      return [broker, handler, total.published, total.done];
    };
    const [first, second] = [
      ['default', 'Mail.send', 1, 1],
      ['other', 'Mail.sendOther', 2, 2],
    ];
    expect(await done(counters.of(Mail, 'send'))).toEqual(first);
    expect(await done(counters.of(Mail, 'sendOther'))).toEqual(second);
    expect(await done(counters.of('mail', 'other'))).toEqual(second);
    const all = await counters.all();
    expect(all.map(({ broker, total }) => [broker, total.done])).toEqual([['default', 1], ['other', 2]]); // prettier-ignore
    await expect(counters.of('mail')).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
    await expect(counters.of('post')).rejects.toMatchObject({ code: 'FUNQ_CONSUMER_UNKNOWN' });
    await expect(counters.of('mail', 'none')).rejects.toMatchObject({
      code: 'FUNQ_CONSUMER_UNKNOWN',
      message: "counters of mail: this app has no consumer of it on broker 'none'",
    });
    await expect(counters.of(Mail, 'plain')).rejects.toMatchObject({ code: 'FUNQ_CONSUMER_UNKNOWN' });
  });

  it('of a process that publishes only tell of what it published, and of what waits for others', async () => {
    const { app, funq } = await boot({ providers: [Mail] }, { brokers: brokers(), consume: false });
    await funq.publishMany('mail', [[], [], []], { broker: 'other' });
    expect(await app.get(FunqCounters).of(Mail, 'sendOther')).toMatchObject({
      total: { published: 3, started: 0 },
      all: { processes: 0, running: 0, rate10s: 0, rate60s: 0 },
      waiting: 3,
      remaining: 3,
      eta: undefined,
    });
  });

  it('leave out what a broker can not count', async () => {
    const { count: _count, ...uncounting } = memory();
    const clock = new ManualClock();
    const { app, funq } = await boot(
      { providers: [Mail] },
      { brokers: { default: uncounting, other: memory() }, clock },
    );
    await funq.ask(Mail).send();
    await clock.advance(1000);
    const counters = await app.get(FunqCounters).of(Mail, 'send');
    expect(counters).toMatchObject({ last10s: { done: 1, rate: 1, seconds: 1 }, total: { done: 1 } });
    expect([counters.waiting, counters.remaining, counters.eta]).toEqual([undefined, undefined, undefined]);
  });

  it('list a class of another app, yet not one whose broker this app does not have', async () => {
    class Far {
      @Consumer({ queue: 'far' })
      run(): void {}
      @Consumer({ queue: 'farther', broker: 'none' })
      walk(): void {}
    }
    const { app, funq } = await boot({});
    await funq.to(Far).run();
    await expect(funq.to(Far).walk()).rejects.toMatchObject({ code: 'FUNQ_BROKER_UNKNOWN' });
    const all = await app.get(FunqCounters).all();
    expect(all.map(({ queue, waiting }) => [queue, waiting])).toEqual([['far', 1]]);
  });
});
