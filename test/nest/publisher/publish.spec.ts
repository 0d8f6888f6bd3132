import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, FunqPublisher, type Broker, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect } from '../support/app.js';
import { envelopes } from '../support/envelopes.js';

@Injectable()
class Mails {
  @Consumer({ queue: 'mails', concurrency: 1, priority: 2 })
  send(to: string, subject = 'none'): string {
    return `${to}: ${subject}`;
  }
  @Consumer()
  headers(@CurrentTask() { headers }: Task): Readonly<Record<string, string>> {
    return headers;
  }
}

describe('publishing', () => {
  it('by class, by name, and many at once, resolves to the ids', async () => {
    const booted = await boot({ providers: [Mails] }, { consume: false });
    const { funq } = booted;
    const ids = [
      await funq.to(Mails).send('a@b.c', 'hello'),
      await funq.publish('mails', ['d@e.f']),
      ...(await funq.publishMany('mails', [['g@h.i'], ['j@k.l', 'x']])),
    ];
    const found = await envelopes(booted, 'mails');
    expect(found.map(({ id }) => id)).toEqual(ids);
    expect(found.map(({ args }) => args)).toEqual([['a@b.c', 'hello'], ['d@e.f'], ['g@h.i'], ['j@k.l', 'x']]);
    expect(new Set(ids).size).toBe(4);
    expect(ids.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  });

  it('of a list that fails while it is made publishes nothing', async () => {
    const broker = memory();
    const { funq } = await boot({ providers: [Mails] }, { brokers: { default: broker }, consume: false });
    function* lists(): Generator<readonly unknown[]> {
      yield ['a@b.c'];
      yield [() => 'no data'];
      throw new Error('no more');
    }
    await expect(funq.publishMany('mails', lists())).rejects.toThrow('no more');
    expect(await broker.count!('mails')).toBe(0);
  });

  it('keeps an id that is given, also for two tasks', async () => {
    const booted = await boot({ providers: [Mails] });
    const ended = collect(booted.events, 'done', 2);
    expect(await booted.funq.to(Mails, { id: 'order-17' }).send('a')).toBe('order-17');
    expect(await booted.funq.publish('mails', ['b'], { id: 'order-17' })).toBe('order-17');
    expect((await ended).map(({ task, value }) => [task.id, value])).toEqual([
      ['order-17', 'a: none'],
      ['order-17', 'b: none'],
    ]);
  });

  it('carries headers', async () => {
    const { funq } = await boot({ providers: [Mails] });
    const headers = { 'x-tenant': 'ä', other: '' };
    expect(await funq.ask(Mails, { headers }).headers()).toEqual(headers);
    expect(await funq.ask(Mails).headers()).toEqual({});
  });

  it('delays', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Mails] }, { clock });
    const at: unknown[] = [];
    events.on('done', ({ task }) => void at.push([task.args[0], clock.monotonic()]));
    await funq.to(Mails, { delay: '10m' }).send('late');
    await funq.to(Mails, { delay: 1500 }).send('soon');
    await funq.to(Mails, { delay: 0 }).send('now');
    await clock.advance(11 * 60_000);
    expect(at).toEqual([
      ['now', 0],
      ['soon', 1500],
      ['late', 600_000],
    ]);
  });

  it("orders by priority, the consumer's where none is given", async () => {
    const queues = new Map();
    const front = await boot({ providers: [Mails] }, { brokers: { default: memory({ queues }) }, consume: false });
    for (const [to, priority] of [['none'], ['low', 1], ['high', 9], ['zero', 0], ['none2']] as [string, number?][])
      await front.funq.to(Mails, { priority }).send(to);
    const back = await boot({ providers: [Mails] }, { brokers: { default: memory({ queues }) } });
    const order = await collect(back.events, 'done', 5);
    expect(order.map(({ task }) => task.args[0])).toEqual(['high', 'none', 'none2', 'low', 'zero']);
  });

  it('goes to the broker of the consumer, or to the one that is named', async () => {
    @Injectable()
    class Other {
      @Consumer({ queue: 'jobs', broker: 'other' })
      run(): string {
        return 'other';
      }
    }
    const brokers = { default: memory(), other: memory() };
    const { funq, app } = await boot({ providers: [Other] }, { brokers, consume: false });
    await funq.to(Other).run();
    await funq.publish('jobs');
    await funq.publish('jobs', [], { broker: 'default' });
    await funq.publish('elsewhere', [], { broker: 'other' });
    await funq.publish('elsewhere');
    const counts = async (broker: Broker): Promise<unknown> =>
      Promise.all(['jobs', 'elsewhere'].map((queue) => broker.count!(queue)));
    expect([await counts(brokers.default), await counts(brokers.other)]).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(app.get(FunqPublisher)).toBe(funq);
  });

  it('leaves out arguments that are undefined at the end', async () => {
    const booted = await boot({ providers: [Mails] }, { consume: false });
    await booted.funq.to(Mails).send('a', undefined);
    await booted.funq.publish('mails', ['b', undefined, null]);
    expect((await envelopes(booted, 'mails')).map(({ args }) => args)).toEqual([['a'], ['b', undefined, null]]);
  });

  it('takes the arguments as they are at that moment', async () => {
    const booted = await boot({}, { consume: false });
    const list = [1];
    const published = booted.funq.publish('mails', [list]);
    list.push(2);
    await published;
    expect((await envelopes(booted, 'mails'))[0]!.args).toEqual([[1]]);
  });

  it('of nothing at all is nothing', async () => {
    const { funq } = await boot({});
    expect(await funq.publishMany('mails', [])).toEqual([]);
  });
});
