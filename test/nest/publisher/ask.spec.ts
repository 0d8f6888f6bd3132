import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, FunqRemoteError, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { BrokerRegistry } from '../../../lib/nest/broker.registry.js';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, signal, turns, type Booted } from '../support/app.js';
import { publishingBy } from '../support/brokers.js';

class StockError extends Error {
  override readonly name = 'StockError';
  readonly code = 'OUT_OF_STOCK';
}

@Injectable()
class Calls {
  @Consumer({ concurrency: 200 })
  async double(n: number): Promise<number> {
    await turns(n % 7);
    return 2 * n;
  }
  @Consumer()
  echo(value: unknown): unknown {
    return value;
  }
  @Consumer({ retry: 1 })
  fail(@CurrentTask() { attempt }: Task): never {
    throw new StockError(`no stock, attempt ${attempt}`, { cause: new TypeError('inner', { cause: 'innermost' }) });
  }
  @Consumer()
  bad(what: string): unknown {
    return { function: () => 1, symbol: Symbol('x'), huge: 'x'.repeat(2 ** 20) }[what];
  }
  @Consumer()
  never(): Promise<never> {
    return new Promise(() => undefined);
  }
}

const waiting = ({ app }: Booted): number => app.get(BrokerRegistry).get('default', 'test').replies.size;

describe('ask()', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a date', new Date(5)],
    ['a large number', 10n ** 20n],
    ['bytes', Buffer.from([0, 255])],
    ['a map', new Map([['a', new Set([1])]])],
    ['an object', { a: [1, { b: '🦄' }] }],
  ])('gives back %s', async (_name, value) => {
    const { funq } = await boot({ providers: [Calls] });
    expect(await funq.ask(Calls).echo(value)).toEqual(value);
    expect(await funq.ask('Calls.echo', [value])).toEqual(value);
  });

  it('two hundred times at once, each its own answer, and nobody is left waiting', async () => {
    const booted = await boot({ providers: [Calls] });
    const calls = Array.from({ length: 200 }, (_, n) => booted.funq.ask(Calls).double(n));
    await turns(1);
    expect(waiting(booted)).toBeGreaterThan(0);
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, n) => 2 * n));
    expect(waiting(booted)).toBe(0);
  });

  it('rejects with the remote error: name, message, code, stack and cause', async () => {
    const booted = await boot({ providers: [Calls] });
    const error = await booted.funq
      .ask(Calls)
      .fail()
      .catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(FunqRemoteError);
    expect(error).toMatchObject({
      name: 'FunqRemoteError',
      code: 'FUNQ_REMOTE',
      remoteName: 'StockError',
      remoteCode: 'OUT_OF_STOCK',
      message: 'no stock, attempt 2',
      remoteStack: expect.stringMatching(/ask\.spec/) as string,
      cause: { remoteName: 'TypeError', message: 'inner', cause: { message: 'thrown value: innermost' } },
    });
    expect(waiting(booted)).toBe(0);
  });

  it.each([
    ['function', 'FUNQ_UNSERIALIZABLE', 'result'],
    ['symbol', 'FUNQ_UNSERIALIZABLE', 'result'],
    ['huge', 'FUNQ_PAYLOAD_TOO_LARGE', 'more than maxPayload of 1048576'],
  ])('rejects when the result can not travel: %s; the task is done all the same', async (what, code, message) => {
    const { funq, events } = await boot({ providers: [Calls] });
    const done = events.next('done');
    await expect(funq.ask(Calls).bad(what)).rejects.toMatchObject({
      remoteCode: code,
      message: expect.stringContaining(message) as string,
    });
    await done;
  });

  it('rejects after its time, and a late answer finds nobody', async () => {
    const clock = new ManualClock();
    const booted = await boot({ providers: [Calls] }, { clock, replyTimeout: '10s' });
    const { funq } = booted;
    const told = (ms: number): object => ({
      code: 'FUNQ_REPLY_TIMEOUT',
      message: `no outcome of Calls.never within ${ms} ms; it may still be executed`,
    });
    const short = expect(funq.ask(Calls, { replyTimeout: '3s' }).never()).rejects.toMatchObject(told(3000));
    const long = expect(funq.ask(Calls).never()).rejects.toMatchObject(told(10_000));
    await turns();
    expect(waiting(booted)).toBe(2);
    await clock.advance(3000);
    await short;
    expect(waiting(booted)).toBe(1);
    await clock.advance(7000);
    await long;
    expect(waiting(booted)).toBe(0);
  });

  it('waits for as long as its process stood still, for the answer may have come meanwhile', async () => {
    const opened = signal();
    @Injectable()
    class Gate {
      @Consumer('gate')
      async pass(): Promise<string> {
        await opened.promise;
        return 'passed';
      }
    }
    const clock = new ManualClock();
    const booted = await boot({ providers: [Calls, Gate] }, { clock });
    const asked = booted.funq.ask(Gate, { replyTimeout: '3s' }).pass();
    const silent = expect(booted.funq.ask(Calls, { replyTimeout: '3s' }).never()).rejects.toMatchObject({
      code: 'FUNQ_REPLY_TIMEOUT',
    });
    await turns();
    await clock.leap(5000);
    opened.resolve();
    expect(await asked).toBe('passed');
    expect(waiting(booted)).toBe(1);
    await clock.advance(2000);
    await silent;
  });

  it('leaves nobody waiting when publishing fails', async () => {
    const broker = publishingBy(
      (real) => (queue, messages) =>
        queue === 'Calls.echo' ? Promise.reject(new Error('away')) : real(queue, messages),
    );
    const booted = await boot({ providers: [Calls] }, { brokers: { default: broker } });
    await expect(booted.funq.ask(Calls).echo(1)).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    await expect(booted.funq.ask(Calls).echo(() => 1)).rejects.toMatchObject({ code: 'FUNQ_UNSERIALIZABLE' });
    await expect(booted.funq.ask(Calls, { delay: -1 }).echo(1)).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
    expect(waiting(booted)).toBe(0);
  });

  it('leaves nobody waiting when the app closes', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const front = await boot(
      { providers: [Calls] },
      { clock, brokers: { default: memory({ queues }) }, consume: false },
    );
    const asked = expect(front.funq.ask(Calls).echo(1)).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await turns();
    await front.close();
    await asked;
    expect(waiting(front)).toBe(0);
    expect([...queues.keys()], 'no reply queue is left behind').toEqual(['Calls.echo']);
  });

  it('does not keep the app from closing when the broker says nothing to the end of its reply queue', async () => {
    const clock = new ManualClock();
    const broker = { ...memory(), purge: () => new Promise<never>(() => undefined) };
    const booted = await boot({ providers: [Calls] }, { clock, brokers: { default: broker } });
    expect(await booted.funq.ask(Calls).echo(1)).toBe(1);
    const closing = booted.close().then(() => 'closed');
    expect(await Promise.race([closing, turns(3000)])).toBe('closed');
  });

  it('is answered by another process, and by the one that takes the task over', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const brokers = () => ({ default: memory({ queues }) });
    const started = signal();
    @Injectable()
    class Work {
      first = true;
      @Consumer({ queue: 'work' })
      async run(): Promise<string> {
        started.resolve();
        if (!Work.stuck) return 'second';
        Work.stuck = false;
        return new Promise(() => undefined);
      }
      static stuck = true;
    }
    const front = await boot({}, { clock, brokers: brokers() });
    const one = await boot({ providers: [Work] }, { clock, brokers: brokers(), shutdownGrace: 0 });
    const answer = front.funq.ask('work');
    await started.promise;
    await one.close();
    await boot({ providers: [Work] }, { clock, brokers: brokers() });
    await turns();
    expect(await answer).toBe('second');
  });
});

describe('the caller of a task that is not executed', () => {
  it.each(['discard', 'dead'] as const)('is told: %s', async (what) => {
    @Injectable()
    class Says {
      @Consumer()
      run(@CurrentTask() task: Task): void {
        task[what]('because');
      }
    }
    const booted = await boot({ providers: [Says] });
    await expect(booted.funq.ask(Says, { id: 'x' }).run()).rejects.toMatchObject(
      what === 'discard'
        ? { remoteCode: 'FUNQ_DISCARDED', message: 'task x on Says.run was discarded: because' }
        : { remoteCode: 'FUNQ_DEAD_LETTER', message: 'because' },
    );
    expect(waiting(booted)).toBe(0);
  });

  it('gets the value that the handler left for it', async () => {
    @Injectable()
    class Says {
      @Consumer()
      run(@CurrentTask() task: Task): void {
        task.discard('known already', 'filtered', { value: { known: true } });
      }
    }
    const { funq } = await boot({ providers: [Says] });
    expect(await funq.ask(Says).run()).toEqual({ known: true });
  });

  it('is told of a filtered one', async () => {
    const booted = await boot({ providers: [Calls] }, { stores: { coordination: memoryCoordination() } });
    await booted.funq.ask(Calls, { filter: true }).echo(1);
    await expect(booted.funq.ask(Calls, { filter: true }).echo(1)).rejects.toMatchObject({
      remoteCode: 'FUNQ_FILTERED',
    });
    expect(waiting(booted)).toBe(0);
  });

  it('is told of a message that can not be answered only by its time', async () => {
    const clock = new ManualClock();
    const broker = publishingBy(
      (real) => (queue, messages) =>
        queue.startsWith('funq.replies.') ? Promise.reject(new Error('away')) : real(queue, messages),
    );
    const booted = await boot({ providers: [Calls] }, { clock, brokers: { default: broker } });
    const failed = booted.events.next('replyFailed');
    const done = booted.events.next('done');
    const asked = expect(booted.funq.ask(Calls).echo(1)).rejects.toMatchObject({ code: 'FUNQ_REPLY_TIMEOUT' });
    expect((await failed).error).toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    await done;
    await clock.advance(30_000);
    await asked;
    expect(waiting(booted)).toBe(0);
  });
});
