import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, RequeueError, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, dead, turns } from '../support/app.js';

describe('RequeueError', () => {
  it('puts the task back, counted apart from attempts, after its delay', async () => {
    const clock = new ManualClock();
    const seen: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ retry: 5, concurrency: 1 })
      run(@CurrentTask() task: Task): string {
        seen.push([task.attempt, task.requeues, clock.monotonic(), task.errors.length]);
        if (task.requeues < 1) throw new RequeueError();
        if (task.requeues < 3) throw new RequeueError({ delay: 250, reason: 'not now' });
        return 'done';
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const failed: unknown[] = [];
    const requeued: number[] = [];
    events.on('failed', (event) => void failed.push(event));
    events.on('requeued', ({ delay }) => void requeued.push(delay));
    const answer = funq.ask(Job, { replyTimeout: '1h' }).run();
    await turns();
    await clock.advance(3000);
    expect(await answer, 'the caller waits for the final outcome').toBe('done');
    expect(seen).toEqual([
      [1, 0, 0, 0],
      [1, 1, 1000, 0],
      [1, 2, 1250, 0],
      [1, 3, 1500, 0],
    ]);
    expect([failed, requeued]).toEqual([[], [1000, 250, 250]]);
  });

  it('beyond its limit is a dead letter', async () => {
    @Injectable()
    class Job {
      @Consumer()
      run(): never {
        throw new RequeueError({ delay: 0, max: 2, reason: 'busy' });
      }
    }
    const { funq, events } = await boot({ providers: [Job] });
    const { letter, task } = await dead(events, () => funq.to(Job).run());
    expect([letter.code, letter.reason, task?.requeues]).toEqual(['requeued', 'requeued 2 times: busy', 2]);
  });

  it('keeps the count of the runs that failed before it', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ retry: 2 })
      run(@CurrentTask() { attempt, requeues }: Task): void {
        seen.push([attempt, requeues]);
        if (attempt === 2 && requeues < 2) throw new RequeueError({ delay: 0 });
        throw new Error('no');
      }
    }
    const { funq, events } = await boot({ providers: [Job] });
    const { letter } = await dead(events, () => funq.to(Job).run());
    expect(seen).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
      [2, 2],
      [3, 2],
    ]);
    expect(letter.errors).toHaveLength(3);
  });

  it('lets others go first', async () => {
    const ran: string[] = [];
    @Injectable()
    class Job {
      @Consumer({ concurrency: 1 })
      run(name: string, @CurrentTask() task: Task): void {
        ran.push(name);
        if (name === 'a' && task.requeues === 0) throw new RequeueError({ delay: 0 });
      }
    }
    const { funq, events } = await boot({ providers: [Job] });
    const last = events.next('done', ({ task }) => task.args[0] === 'a');
    await funq.publishMany('Job.run', [['a'], ['b']]);
    await last;
    expect(ran).toEqual(['a', 'b', 'a']);
  });
});

describe('retries on a broker without delays', () => {
  it('wait all the same, without holding a slot', async () => {
    const clock = new ManualClock();
    const inner = memory();
    const broker = { ...inner, features: { ...inner.features, delay: false } };
    const ran: unknown[] = [];
    @Injectable()
    class Job {
      @Consumer({ concurrency: 1 })
      run(name: string, @CurrentTask() task: Task): void {
        ran.push([name, clock.monotonic()]);
        if (name === 'a' && task.requeues === 0) throw new RequeueError({ delay: 3000 });
      }
    }
    const { funq } = await boot({ providers: [Job] }, { clock, brokers: { default: broker } });
    await funq.publishMany('Job.run', [['a'], ['b']]);
    await clock.advance(4000);
    expect(ran).toEqual([
      ['a', 0],
      ['b', 0],
      ['a', 3000],
    ]);
  });
});
