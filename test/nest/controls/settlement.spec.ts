import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, type Task } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, dead, done, turns } from '../support/app.js';

describe('what a handler says on its task', () => {
  @Injectable()
  class Says {
    @Consumer({ retry: 1 })
    async run(what: string, @CurrentTask() task: Task): Promise<string> {
      if (task.attempt > 1 || task.requeues > 0) return `${task.attempt} ${task.requeues}`;
      if (what === 'discard') task.discard('not needed');
      if (what === 'dead') task.dead('hopeless');
      if (what === 'retry') task.retry(2000);
      if (what === 'retry at once') task.retry();
      if (what === 'requeue') task.requeue(2000);
      if (what === 'changed its mind') {
        task.dead('hopeless');
        task.discard('not needed');
      }
      if (what === 'dead and throws') {
        task.dead('hopeless');
        throw new Error('thrown');
      }
      return 'ignored';
    }
  }

  it.each([
    ['retry', '2 0', 2000],
    ['retry at once', '2 0', 0],
    ['requeue', '1 1', 2000],
  ])('%s', async (what, expected, after) => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Says] }, { clock });
    const ended = events.next('done').then((event) => [event.value, clock.monotonic()]);
    await funq.to(Says).run(what);
    await turns();
    await clock.advance(after);
    expect(await ended).toEqual([expected, after]);
  });

  it.each([
    ['discard', 'discarded', 'not needed'],
    ['changed its mind', 'discarded', 'not needed'],
  ] as const)('%s', async (what, event, reason) => {
    const { funq, events } = await boot({ providers: [Says] });
    const ended = events.next(event);
    await funq.to(Says).run(what);
    expect((await ended).reason).toBe(reason);
    await expect(funq.ask(Says).run(what)).rejects.toMatchObject({ remoteCode: 'FUNQ_DISCARDED' });
  });

  it.each(['dead', 'dead and throws'])('%s', async (what) => {
    const { funq, events } = await boot({ providers: [Says] });
    const { letter, task } = await dead(events, () => funq.to(Says).run(what));
    expect([letter.code, letter.reason, task?.attempt]).toEqual(['dead', 'hopeless', 1]);
  });

  it('nothing: the task is done, with its result', async () => {
    const { funq, events } = await boot({ providers: [Says] });
    expect((await done(events, () => funq.to(Says).run('nothing'))).value).toBe('ignored');
  });
});
