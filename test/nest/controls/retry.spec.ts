import { ForbiddenException, HttpException, Injectable, InternalServerErrorException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, DeadLetterError, type RetryOptions, type Task } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, dead, type Booted } from '../support/app.js';

/** When each run of a task that fails `failures` times took place, on the manual clock. */
async function times(retry: number | RetryOptions, failures = Infinity): Promise<{ at: number[]; booted: Booted }> {
  const clock = new ManualClock();
  const at: number[] = [];
  @Injectable()
  class Job {
    @Consumer({ retry })
    run(): void {
      at.push(clock.monotonic());
      if (at.length <= failures) throw new Error(`run ${at.length}`);
    }
  }
  const booted = await boot({ providers: [Job] }, { clock });
  const ended = Promise.race([booted.events.next('dead'), booted.events.next('done')]);
  await booted.funq.to(Job).run();
  let over = false;
  void ended.then(() => (over = true));
  for (let n = 0; n < 200 && !over; n++) await clock.advance(500);
  await ended;
  return { at, booted };
}

describe('a failed task runs again', () => {
  it.each<[string, number | RetryOptions, number[]]>([
    ['not by itself', 0, [0]],
    ['at once', 3, [0, 0, 0, 0]],
    ['after a delay', { times: 2, delay: '300ms' }, [0, 300, 600]],
    ['after growing delays', { times: 3, delay: 100, factor: 3 }, [0, 100, 400, 1300]],
    ['after delays that grow to a limit', { times: 4, delay: 100, factor: 4, max: 500 }, [0, 100, 500, 1000, 1500]],
    ['after long delays', { times: 2, delay: '5s' }, [0, 5000, 10_000]],
    ['first in place, then through the broker', { times: 3, delay: 600, factor: 2 }, [0, 600, 1800, 4200]],
    ['at once when the limit is nothing', { times: 1, delay: '1s', max: 0 }, [0, 0]],
  ])('%s: %o', async (_name, retry, expected) => {
    expect((await times(retry)).at).toEqual(expected);
  });

  it('until it succeeds', async () => {
    expect((await times({ times: 5, delay: '2s' }, 2)).at).toEqual([0, 2000, 4000]);
  });

  it('with a part of each wait left to chance, never more than the whole', async () => {
    const { at } = await times({ times: 60, delay: 1000, jitter: 0.5 });
    const waits = at.slice(1).map((time, n) => time - at[n]!);
    expect(waits).toHaveLength(60);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1000);
    expect(new Set(waits.map(Math.round)).size).toBeGreaterThan(30);
  });

  it('with its number and the errors so far, in place and through the broker', async () => {
    const clock = new ManualClock();
    const seen: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ retry: { times: 3, delay: 900, factor: 2 } })
      run(@CurrentTask() task: Task): void {
        seen.push([task.attempt, task.errors.map(({ message, attempt, at }) => [message, attempt, at! % 86_400_000])]);
        throw new Error(`error ${task.attempt}`);
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const failed: boolean[] = [];
    const retried: unknown[] = [];
    events.on('failed', ({ again }) => void failed.push(again));
    events.on('retried', ({ task, delay }) => void retried.push([task.attempt, delay]));
    const ended = events.next('dead');
    await funq.to(Job).run();
    await clock.advance(20_000);
    const history = [
      ['error 1', 1, 0],
      ['error 2', 2, 900],
      ['error 3', 3, 2700],
    ];
    expect(seen).toEqual([1, 2, 3, 4].map((n) => [n, history.slice(0, n - 1)]));
    expect((await ended).letter.errors.map(({ message }) => message)).toEqual([1, 2, 3, 4].map((n) => `error ${n}`));
    expect((await ended).letter.envelope?.attempt).toBe(4);
    expect(failed).toEqual([true, true, true, false]);
    expect(retried).toEqual([
      [2, 1800],
      [3, 3600],
    ]);
  });

  it('with arguments as they were published, whatever an earlier run did to them', async () => {
    const clock = new ManualClock();
    const seen: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ retry: { times: 1, delay: '2s' } })
      run(list: number[]): void {
        seen.push([...list]);
        list.push(0);
        throw new Error('no');
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const ended = events.next('dead');
    await funq.to(Job).run([1]);
    await clock.advance(2000);
    expect((await ended).letter.envelope?.args).toEqual([[1]]);
    expect(seen).toEqual([[1], [1]]);
  });
});

describe('which errors deserve another run', () => {
  async function attemptsFor(error: unknown, options: Partial<RetryOptions> = {}): Promise<number> {
    @Injectable()
    class Job {
      @Consumer({ retry: { times: 2, ...options } })
      run(): never {
        throw error;
      }
    }
    const { funq, events } = await boot({ providers: [Job] });
    return (await dead(events, () => funq.to(Job).run())).task!.attempt;
  }

  it.each<[string, unknown, number]>([
    ['a plain error', new Error('no'), 3],
    ['500', new InternalServerErrorException(), 3],
    ['403', new ForbiddenException(), 1],
    ['408', new HttpException('slow', 408), 3],
    ['429', new HttpException('too many', 429), 3],
    ['302', new HttpException('moved', 302), 3],
    ['a dead letter', new DeadLetterError('never'), 1],
  ])('%s', async (_name, error, attempts) => {
    expect(await attemptsFor(error)).toBe(attempts);
  });

  it('as the consumer says, with the number of the run', async () => {
    const asked: unknown[] = [];
    const when = (error: unknown, attempt: number): boolean => {
      asked.push([(error as Error).message, attempt]);
      return attempt < 2;
    };
    expect(await attemptsFor(new ForbiddenException('f'), { when })).toBe(2);
    expect(asked).toEqual([
      ['f', 1],
      ['f', 2],
    ]);
    expect(await attemptsFor(new DeadLetterError('never'), { when: () => true })).toBe(1);
  });
});

describe('while a task waits for its next run', () => {
  @Injectable()
  class Job {
    @Consumer({ queue: 'short', concurrency: 1, retry: { times: 1, delay: '1s' } })
    short(name: string): void {
      this.#run(name);
    }
    @Consumer({ queue: 'long', concurrency: 1, retry: { times: 1, delay: '1001ms' } })
    long(name: string): void {
      this.#run(name);
    }
    readonly ran: string[] = [];
    #run(name: string): void {
      this.ran.push(name);
      if (name === 'bad') throw new Error('no');
    }
  }

  it.each([
    ['up to a second it keeps its slot', 'short', ['bad', 'bad', 'next']],
    ['longer it frees its slot', 'long', ['bad', 'next', 'bad']],
  ] as const)('%s', async (_name, queue, expected) => {
    const clock = new ManualClock();
    const { funq, app } = await boot({ providers: [Job] }, { clock });
    await funq.publishMany(queue, [['bad'], ['next']]);
    await clock.advance(5000);
    expect(app.get(Job).ran).toEqual(expected);
  });
});
