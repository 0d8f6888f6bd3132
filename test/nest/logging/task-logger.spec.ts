import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, RequeueError, type Task } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot } from '../support/app.js';

@Injectable()
class Jobs {
  @Consumer({ queue: 'jobs', retry: { times: 1, delay: '2s' }, expire: '1h' })
  run(what: string, @CurrentTask() task: Task): void {
    if (what === 'fail') throw new RangeError(`failure ${task.attempt}`);
    if (what === 'requeue' && task.requeues === 0) throw new RequeueError({ delay: 10 });
    if (what === 'discard') task.discard('not needed');
  }
  @Consumer({ queue: 'once', filter: true })
  once(): void {}
  @Consumer({ queue: 'short', timeout: 100 })
  short(): Promise<void> {
    return new Promise((resolve) => setImmediate(() => (this.end = resolve)));
  }
  end: () => void = () => undefined;
}

describe("the engine's log", () => {
  it('tells of every end with queue, id and attempt', async () => {
    const clock = new ManualClock();
    const { funq, log, app } = await boot(
      { providers: [Jobs] },
      { clock, stores: { coordination: memoryCoordination() } },
    );
    const start = log.lines.length;
    const publish = async (queue: string, id: string, arg?: string, expire?: number): Promise<void> => {
      await funq.publish(queue, arg === undefined ? [] : [arg], { id, ...(expire && { expire, delay: expire + 1 }) });
      await clock.advance(3000);
    };
    await publish('jobs', 'a', 'good');
    await publish('jobs', 'b', 'fail');
    await publish('jobs', 'c', 'requeue');
    await publish('jobs', 'd', 'discard');
    await publish('jobs', 'e', 'late', 500);
    await publish('once', 'f');
    await publish('once', 'g');
    await publish('short', 'h');
    app.get(Jobs).end();
    await clock.advance(0);
    const lines = log.lines.slice(start).filter(({ context, text }) => context === 'Funq' && !text.includes('SIGTERM'));
    expect(lines.map(({ level, text }) => `${level} ${text}`)).toEqual([
      'debug jobs a #1 done in 0 ms',
      'warn jobs b #1 failed: RangeError: failure 1; runs again',
      'debug jobs b #1 runs again in 2000 ms',
      'warn jobs b #2 failed: RangeError: failure 2',
      'error jobs b #2 is dead (failed): failure 2; kept in jobs.dead',
      'debug jobs c #1 requeued, delay 10 ms',
      'debug jobs c #1 done in 0 ms',
      'debug jobs d #1 discarded: not needed',
      'warn jobs e #1 expired: published 501 ms ago, more than its expire of 500 ms',
      'debug once f #1 done in 0 ms',
      'debug once g #1 filtered: an equal call was executed',
      'warn short h #1 failed: FunqTimeoutError: Jobs.short took longer than its timeout of 100 ms and was abandoned',
      'error short h #1 is dead (timeout): Jobs.short took longer than its timeout of 100 ms and was abandoned; kept in short.dead',
      'warn short h #1 ended after it had been given up; ignored',
    ]);
  });

  it('keeps a line a line, and of bearable length, whatever is thrown', async () => {
    @Injectable()
    class Nasty {
      @Consumer()
      run(): never {
        throw new Error(`two\nlines \u001b[31m${'x'.repeat(10_000)}`);
      }
    }
    const { funq, log, events } = await boot({ providers: [Nasty] });
    const ended = events.next('dead');
    await funq.to(Nasty).run();
    await ended;
    const lines = log.lines.filter(({ context }) => context === 'Funq');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const { text } of lines) {
      expect(text.length).toBeLessThan(1000);
      // eslint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u001f]/);
    }
  });
});
