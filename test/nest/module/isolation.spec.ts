import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, ExpiryInterceptor, FunqPublisher, RetryInterceptor, currentTask } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { boot, collect } from '../support/app.js';

@Injectable()
class Shared {
  readonly seen: string[] = [];
  constructor(private readonly funq: FunqPublisher) {}

  @Consumer({ retry: 1 })
  async run(text: string): Promise<string> {
    await Promise.resolve();
    this.seen.push(`${text} ${currentTask()?.id}`);
    if (text === 'fail') throw new Error('no');
    if (text === 'more') await this.funq.to(Shared).run('follow-up');
    return text;
  }
}

describe('two apps of one process, with the same classes', () => {
  it('do not see each other', async () => {
    const one = await boot({ providers: [Shared] });
    const two = await boot({ providers: [Shared] }, { defaults: { retry: 3 } });
    const ends = collect(one.events, 'done', 2);
    const foreign: unknown[] = [];
    two.events.on('started', (event) => void foreign.push(event));
    two.events.on('published', (event) => void foreign.push(event));
    await one.funq.to(Shared, { id: 'a' }).run('more');
    const followUp = (await ends).find(({ task }) => task.id !== 'a');
    expect(one.app.get(Shared).seen).toEqual(['more a', `follow-up ${followUp!.task.id}`]);
    expect(two.app.get(Shared).seen).toEqual([]);
    expect(foreign).toEqual([]);
    expect(await two.funq.ask(Shared).run('x')).toBe('x');
  });

  it('keep their own options, controls and pipelines', async () => {
    @Injectable()
    class Job {
      @Consumer()
      run(): never {
        throw new Error('no');
      }
    }
    const one = await boot({ providers: [Job] }, { defaults: { retry: 1 }, controls: [RetryInterceptor] });
    const two = await boot({ providers: [Job] }, { defaults: { retry: 2 }, controls: [ExpiryInterceptor] });
    const three = await boot({ providers: [Job] }, { defaults: { retry: 4 } });
    const attempts = await Promise.all(
      [one, two, three].map(async ({ funq, events }) => {
        const dead = events.next('dead');
        await funq.to(Job).run();
        return (await dead).task?.attempt;
      }),
    );
    expect(attempts).toEqual([2, 1, 5]);
  });

  it('outlive each other', async () => {
    const queues = new Map();
    const one = await boot({ providers: [Shared] }, { brokers: { default: memory({ queues }) } });
    const two = await boot({ providers: [Shared] }, { brokers: { default: memory({ queues }) } });
    await one.close();
    expect(await two.funq.ask(Shared).run('still here')).toBe('still here');
    await expect(one.funq.to(Shared).run('x')).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
  });
});
