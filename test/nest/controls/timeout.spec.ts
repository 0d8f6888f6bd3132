import { Injectable, UseInterceptors, UsePipes, type NestInterceptor, type PipeTransform } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, currentTask, FunqTimeoutError, type Task } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect, signal, turns } from '../support/app.js';

describe('a run that takes longer than its timeout', () => {
  it('has its signal aborted, fails, frees its slot; what it does later is ignored and told', async () => {
    const clock = new ManualClock();
    const late = signal<string>();
    const aborted: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ concurrency: 1, timeout: '10s' })
      async run(name: string, @CurrentTask() { signal: stop }: Task): Promise<string> {
        if (name === 'quick') return 'quick';
        stop.addEventListener('abort', () => aborted.push(clock.monotonic(), stop.reason));
        return late.promise;
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const ended = events.next('dead');
    const quick = events.next('done');
    const ignored = events.next('late');
    const all: string[] = [];
    for (const name of ['done', 'dead', 'failed', 'late'] as const) events.on(name, () => void all.push(name));
    await funq.publishMany('Job.run', [['slow'], ['quick']]);
    await clock.advance(9999);
    expect(aborted).toEqual([]);
    await clock.advance(1);
    expect(aborted).toEqual([10_000, expect.any(FunqTimeoutError)]);
    expect((await ended).letter).toMatchObject({
      code: 'timeout',
      reason: 'Job.run took longer than its timeout of 10000 ms and was abandoned',
      errors: [{ name: 'FunqTimeoutError', code: 'FUNQ_TIMEOUT' }],
    });
    expect((await quick).value).toBe('quick');
    late.resolve('too late');
    expect(await ignored).toMatchObject({ value: 'too late', task: (await ended).task });
    await turns();
    expect(all).toEqual(['failed', 'dead', 'done', 'late']);
  });

  it('is told also when it fails late', async () => {
    const clock = new ManualClock();
    const late = signal<string>();
    @Injectable()
    class Job {
      @Consumer({ timeout: 50 })
      run(): Promise<string> {
        return late.promise;
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const dead = events.next('dead');
    const ignored = events.next('late');
    await funq.to(Job).run();
    await clock.advance(50);
    await dead;
    late.reject(new Error('late'));
    expect((await ignored).error).toMatchObject({ message: 'late' });
  });

  it('is retried, each run with a signal and a time of its own', async () => {
    const clock = new ManualClock();
    const signals: AbortSignal[] = [];
    const starts: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ timeout: '2s', retry: 2 })
      async run(@CurrentTask() task: Task): Promise<number> {
        starts.push(clock.monotonic());
        signals.push(task.signal);
        if (task.attempt < 3) await new Promise(() => undefined);
        return task.attempt;
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const ended = events.next('done');
    await funq.to(Job).run();
    await clock.advance(10_000);
    expect((await ended).value).toBe(3);
    expect(starts).toEqual([0, 2000, 4000]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
  });

  it.each(['pipe', 'interceptor'])('in a %s before its function does not call that afterwards', async (stage) => {
    const clock = new ManualClock();
    const open = signal();
    const calls: [string, number][] = [];
    let waits = 0;
    const slowly = (): Promise<unknown> => (waits++ === 0 ? open.promise : Promise.resolve());
    const pipe: PipeTransform = {
      transform: async (value: string) => {
        if (stage === 'pipe') await slowly();
        return value;
      },
    };
    const interceptor: NestInterceptor = {
      intercept: async (_context, next) => {
        if (stage === 'interceptor') await slowly();
        return next.handle();
      },
    };
    @Injectable()
    class Job {
      @UseInterceptors(interceptor)
      @UsePipes(pipe)
      @Consumer({ timeout: '2s', retry: 1 })
      async run(name: string): Promise<string> {
        const task = currentTask()!;
        calls.push([name, task.attempt]);
        if (calls.length > 1) task.discard('said by a run that was given up');
        await clock.sleep(1500);
        return name;
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const ended = events.next('done');
    const late = events.next('late');
    await funq.to(Job).run('x');
    await clock.advance(2500);
    open.resolve();
    await clock.advance(5000);
    expect((await ended).value).toBe('x');
    expect(calls).toEqual([['x', 2]]);
    expect((await late).error).toMatchObject({
      message: expect.stringMatching(/^run 1 of task .* was given up$/) as string,
    });
  });

  it('leaves no timer behind when it is in time', async () => {
    const clock = new ManualClock();
    @Injectable()
    class Job {
      @Consumer({ timeout: '1h' })
      async run(fail: boolean): Promise<void> {
        if (fail) throw new Error('no');
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    await clock.advance(0);
    const before = clock.pending;
    const ends = Promise.all([events.next('done'), events.next('dead')]);
    await funq.publishMany('Job.run', [[true], [false]]);
    await ends;
    await turns();
    expect(clock.pending).toBe(before);
  });

  it('tells its caller', async () => {
    const clock = new ManualClock();
    @Injectable()
    class Job {
      @Consumer({ timeout: '2s' })
      run(): Promise<string> {
        return new Promise(() => undefined);
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock });
    const asked = funq.ask(Job).run();
    const told = expect(asked).rejects.toMatchObject({ remoteCode: 'FUNQ_TIMEOUT', remoteName: 'FunqTimeoutError' });
    await turns();
    await clock.advance(2000);
    await told;
  });

  it('leaks no slot, however often', async () => {
    const clock = new ManualClock();
    let running = 0;
    let most = 0;
    @Injectable()
    class Job {
      @Consumer({ concurrency: 4, timeout: '1s' })
      async run(@CurrentTask() { signal: stop }: Task): Promise<void> {
        most = Math.max(most, ++running);
        stop.addEventListener('abort', () => running--);
        await new Promise(() => undefined);
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const ended = collect(events, 'dead', 100);
    await funq.publishMany(
      'Job.run',
      Array.from({ length: 100 }, () => []),
    );
    await clock.advance(30_000);
    expect((await ended).every(({ letter }) => letter.code === 'timeout')).toBe(true);
    expect(most).toBe(4);
  });
});
