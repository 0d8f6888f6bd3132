import { Injectable, Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Consumer, CurrentTask, FunqLogger, type Task } from 'nestjs-funq';
import { bootGlobal, dead, done } from '../support/app.js';

@Injectable()
class Helper {
  readonly #logger = new Logger('Helper');
  async work(): Promise<void> {
    await Promise.resolve();
    this.#logger.log('working');
  }
}

@Injectable()
class Job {
  constructor(private readonly helper: Helper) {}
  @Consumer({ queue: 'jobs', retry: 1 })
  async run(fail: boolean, @CurrentTask() task: Task): Promise<void> {
    await this.helper.work();
    new Logger().warn({ structured: task.attempt });
    if (fail) throw new Error('no');
  }
}

/** What is written to the terminal while tasks run; `[time]` stripped. */
async function written(
  logger: FunqLogger,
  act: (booted: Awaited<ReturnType<typeof bootGlobal>>) => Promise<unknown>,
): Promise<string[]> {
  const booted = await bootGlobal({ providers: [Helper, Job] }, (app) => app.useLogger(logger));
  const lines: string[] = [];
  const write = (chunk: string | Uint8Array): boolean => lines.push(String(chunk)) > 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
  await act(booted);
  new Logger('Outside').log('outside');
  vi.restoreAllMocks();
  return lines;
}

afterEach(() => vi.restoreAllMocks());

describe('FunqLogger', () => {
  it('names the task in every line that is written within it, by whatever provider', async () => {
    const lines = await written(new FunqLogger({ colors: false }), ({ funq, events }) =>
      done(events, () => funq.publish('jobs', [false], { id: 'id-1' })),
    );
    expect(lines.find((line) => line.includes('working'))).toContain('[Helper] [jobs id-1 #1] working');
    expect(lines.find((line) => line.includes('structured'))).toContain('[jobs id-1 #1] ');
    expect(lines.find((line) => line.includes('outside'))).toContain('[Outside] outside');
  });

  it('counts the attempts', async () => {
    const lines = await written(new FunqLogger({ colors: false }), ({ funq, events }) =>
      dead(events, () => funq.publish('jobs', [true], { id: 'id-2' })),
    );
    const working = lines.filter((line) => line.includes('working'));
    expect(working.map((line) => /\[jobs id-2 #\d\]/.exec(line)?.[0])).toEqual(['[jobs id-2 #1]', '[jobs id-2 #2]']);
  });

  it('has the task as an object in JSON', async () => {
    const lines = await written(new FunqLogger({ json: true, colors: false }), ({ funq, events }) =>
      done(events, () => funq.publish('jobs', [false], { id: 'id-3' })),
    );
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.find(({ message }) => message === 'working')).toMatchObject({
      level: 'log',
      context: 'Helper',
      task: { id: 'id-3', queue: 'jobs', attempt: 1 },
    });
    expect(parsed.find(({ message }) => message === 'outside')).not.toHaveProperty('task');
  });
});
