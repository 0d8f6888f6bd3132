import { Injectable } from '@nestjs/common';
import { expect, it } from 'vitest';
import { Consumer, CurrentTask, FunqEvents, currentTask, type Task } from 'nestjs-funq';
import { boot, done } from '../support/app.js';
import { LogBook } from '../support/log-book.js';

it('progress that a task reports is told with its task, from anywhere in it', async () => {
  async function below(): Promise<void> {
    await Promise.resolve();
    currentTask()!.progress({ done: 2, of: 3 });
  }
  @Injectable()
  class Job {
    @Consumer()
    async run(@CurrentTask() task: Task): Promise<void> {
      task.progress('one');
      await below();
    }
  }
  const { funq, events } = await boot({ providers: [Job] });
  const told: unknown[] = [];
  events.on('progress', ({ task, value }) => void told.push([task.id, value]));
  await done(events, () => funq.to(Job, { id: 'p' }).run());
  expect(told).toEqual([
    ['p', 'one'],
    ['p', { done: 2, of: 3 }],
  ]);
});

it('a listener that throws disturbs nobody, and is told in the log', async () => {
  @Injectable()
  class Job {
    @Consumer()
    run(): string {
      return 'ran';
    }
  }
  const { funq, app, log } = await boot({ providers: [Job] });
  const events = app.get(FunqEvents);
  const heard: string[] = [];
  events.on('started', () => {
    throw new Error('a bad listener');
  });
  events.on('started', () => void heard.push('second'));
  expect(await funq.ask(Job).run()).toBe('ran');
  expect(heard).toEqual(['second']);
  expect(log.find('a bad listener')).toMatchObject([{ level: 'error', context: 'Funq' }]);
});

it('a logger that throws disturbs nobody either', async () => {
  @Injectable()
  class Job {
    @Consumer({ retry: 1 })
    run(@CurrentTask() { attempt }: Task): string {
      if (attempt === 1) throw new Error('no');
      return 'ran';
    }
  }
  const { funq, app } = await boot({ providers: [Job] });
  const broken = (): never => {
    throw new Error('the disk is full');
  };
  app.useLogger({ log: broken, error: broken, warn: broken, debug: broken, verbose: broken, fatal: broken });
  expect(await funq.ask(Job).run()).toBe('ran');
  app.useLogger(new LogBook());
});
