import { Body, Injectable, ParseIntPipe } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, currentTask, type Task } from 'nestjs-funq';
import { boot, turns } from '../support/app.js';

type Row = readonly unknown[];
const shown = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'attempt' in value ? 'task' : value;

@Injectable()
class Places {
  @Consumer()
  only(@CurrentTask() task: Task): Row {
    return [task].map(shown);
  }
  @Consumer()
  first(@CurrentTask() task: Task, a: string, b = 'b'): Row {
    return [task, a, b].map(shown);
  }
  @Consumer()
  middle(a: string, @CurrentTask() task: Task, b = 'b', c?: string): Row {
    return [a, task, b, c].map(shown);
  }
  @Consumer()
  last(a: string, b: string | undefined, @CurrentTask() task: Task): Row {
    return [a, b, task].map(shown);
  }
  @Consumer()
  afterDefault(a = 'a', @CurrentTask() task?: Task): Row {
    return [a, task].map(shown);
  }
  @Consumer()
  twice(@CurrentTask() one: Task, a: string, @CurrentTask() two: Task): Row {
    return [one === two, a];
  }
  @Consumer()
  rest(a: string, @CurrentTask() task: Task, ...rest: number[]): Row {
    return [a, task, ...rest].map(shown);
  }
  @Consumer()
  restOnly(...rest: unknown[]): Row {
    return rest.map(shown);
  }
  @Consumer()
  none(): Row {
    return [...arguments].map(shown);
  }
  @Consumer()
  fewer(a: string): Row {
    return [a, ...[...arguments].slice(1)].map(shown);
  }
  @Consumer()
  piped(@Body(ParseIntPipe) n: number, @CurrentTask() task: Task, @Body(ParseIntPipe) m: number): Row {
    return [n, task, m].map(shown);
  }
}

const { only, first, middle, last, afterDefault, twice, rest, restOnly, none, fewer, piped } = Places.prototype;

describe('@CurrentTask() takes no place of an argument', () => {
  it.each<[string, { name: string }, unknown[], unknown[]]>([
    ['alone', only, [], ['task']],
    ['first', first, ['x', 'y'], ['task', 'x', 'y']],
    ['first, a default', first, ['x'], ['task', 'x', 'b']],
    ['first, arguments missing', first, [], ['task', undefined, 'b']],
    ['middle', middle, ['x', 'y', 'z'], ['x', 'task', 'y', 'z']],
    ['middle, a default', middle, ['x'], ['x', 'task', 'b', undefined]],
    ['middle, undefined given', middle, ['x', undefined, 'z'], ['x', 'task', 'b', 'z']],
    ['middle, null given', middle, ['x', null], ['x', 'task', null, undefined]],
    ['last', last, ['x', 'y'], ['x', 'y', 'task']],
    ['last, arguments missing', last, [], [undefined, undefined, 'task']],
    ['behind a default', afterDefault, [], ['a', 'task']],
    ['twice', twice, ['x'], [true, 'x']],
    ['before a rest', rest, ['x', 1, 2, 3], ['x', 'task', 1, 2, 3]],
    ['before an empty rest', rest, ['x'], ['x', 'task']],
    ['beside pipes', piped, ['1', '2'], [1, 'task', 2]],
  ])('%s', async (_name, { name: method }, args, expected) => {
    const { funq } = await boot({ providers: [Places] });
    expect(await funq.ask(`Places.${method}`, args)).toEqual(expected);
  });

  it.each<[string, { name: string }, unknown[], unknown[]]>([
    ['a rest alone', restOnly, [1, 'two', null], [1, 'two', null]],
    ['a rest of nothing', restOnly, [], []],
    ['no parameters, no arguments', none, [], []],
    ['no parameters, arguments all the same', none, ['x', 'y'], ['x', 'y']],
    ['more arguments than parameters', fewer, ['x', 'y', 'z'], ['x', 'y', 'z']],
  ])('and a method without it never sees the task: %s', async (_name, { name: method }, args, expected) => {
    const { funq } = await boot({ providers: [Places] });
    expect(await funq.ask(`Places.${method}`, args)).toEqual(expected);
  });

  it('and tells about the task', async () => {
    @Injectable()
    class Told {
      @Consumer({ queue: 'told', retry: 1 })
      run(name: string, @CurrentTask() task: Task): unknown {
        if (task.attempt === 1) throw new Error('first');
        const { id, queue, args, attempt, requeues, redelivered, publishedAt, headers } = task;
        return {
          name,
          id,
          queue,
          args,
          attempt,
          requeues,
          redelivered,
          publishedAt,
          headers,
          errors: task.errors.length,
        };
      }
    }
    const { funq } = await boot({ providers: [Told] });
    const before = Date.now();
    expect(await funq.ask(Told, { id: 'order-17', headers: { tenant: 'a' } }).run('x')).toEqual({
      name: 'x',
      id: 'order-17',
      queue: 'told',
      args: ['x'],
      attempt: 2,
      requeues: 0,
      redelivered: 0,
      publishedAt: expect.toSatisfy((at: number) => at >= before && at <= Date.now()) as number,
      headers: { tenant: 'a' },
      errors: 1,
    });
  });
});

describe('currentTask()', () => {
  async function deep(level: number): Promise<string | undefined> {
    if (level === 0) return currentTask()?.id;
    await (level % 2 ? Promise.resolve() : turns(1));
    return deep(level - 1);
  }

  @Injectable()
  class Deep {
    @Consumer({ concurrency: 20 })
    run(): Promise<string | undefined> {
      return deep(9);
    }
    @Consumer()
    timer(): Promise<string | undefined> {
      return new Promise((resolve) => setTimeout(() => resolve(currentTask()?.id), 0));
    }
  }

  it('is the task at any depth, for tasks side by side', async () => {
    const { funq } = await boot({ providers: [Deep] });
    const ids = Array.from({ length: 20 }, (_, n) => `task-${n}`);
    expect(await Promise.all(ids.map((id) => funq.ask(Deep, { id }).run()))).toEqual(ids);
    expect(await funq.ask(Deep, { id: 'in a timer' }).timer()).toBe('in a timer');
  });

  it('is nothing outside', async () => {
    const { funq } = await boot({ providers: [Deep] });
    expect(currentTask()).toBeUndefined();
    await funq.ask(Deep).run();
    expect(currentTask()).toBeUndefined();
  });
});
