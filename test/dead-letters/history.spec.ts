import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  FunqDeadLetters,
  RequeueError,
  currentTask,
  type ConsumerOptions,
  type StoredLetter,
} from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot } from '../nest/support/app.js';

const START = Date.UTC(2026, 0, 1);

/** The letter of a task whose runs go as `run` says, and the moment of each error in milliseconds since the beginning. */
async function letterOf(options: ConsumerOptions, run: (n: number) => unknown, hours = 1): Promise<StoredLetter> {
  let runs = 0;
  @Injectable()
  class Work {
    @Consumer({ queue: 'work', ...options })
    async run(): Promise<unknown> {
      return run(++runs);
    }
  }
  const clock = new ManualClock(START);
  const { app, funq } = await boot({ providers: [Work] }, { clock });
  await funq.publish('work');
  for (let minute = 0; minute < hours * 60; minute++) await clock.advance(60_000);
  const [letter] = await app.get(FunqDeadLetters).list('work');
  return letter!;
}

const history = ({ errors }: StoredLetter): unknown[] =>
  errors.map(({ message, attempt, at }) => [message, attempt, at! - START]);

const fails = (n: number): never => {
  throw new Error(`run ${n}`);
};

describe('the errors of a dead letter', () => {
  it('are those of runs in place', async () => {
    expect(history(await letterOf({ retry: { times: 2, delay: 100 } }, fails))).toEqual([
      ['run 1', 1, 0],
      ['run 2', 2, 100],
      ['run 3', 3, 200],
    ]);
  });

  it('are those of runs by way of the broker', async () => {
    expect(history(await letterOf({ retry: { times: 2, delay: '1m', factor: 2 } }, fails))).toEqual([
      ['run 1', 1, 0],
      ['run 2', 2, 60_000],
      ['run 3', 3, 180_000],
    ]);
  });

  it('are kept when the task goes back in between, which is no failure', async () => {
    const letter = await letterOf({ retry: { times: 1, delay: '1m' } }, (n) => {
      if (n === 2) throw new RequeueError({ delay: '1m' });
      return fails(n);
    });
    expect(history(letter)).toEqual([
      ['run 1', 1, 0],
      ['run 3', 2, 120_000],
    ]);
    expect(letter.envelope).toMatchObject({ requeues: 1, attempt: 2 });
  });

  it('are kept when the handler asks for the retry itself', async () => {
    const letter = await letterOf({}, (n) => {
      if (n === 1) currentTask()!.retry('1m');
      return fails(n);
    });
    expect(history(letter)).toEqual([
      ['run 1', 1, 0],
      ['run 2', 2, 60_000],
    ]);
  });

  it('are those of runs that took too long', async () => {
    const letter = await letterOf({ timeout: '5s', retry: 1 }, () => new Promise(() => undefined));
    expect(letter.code).toBe('timeout');
    expect(letter.errors).toMatchObject([
      { code: 'FUNQ_TIMEOUT', attempt: 1, at: START + 5000 },
      { code: 'FUNQ_TIMEOUT', attempt: 2, at: START + 10_000 },
    ]);
  });

  it('are the last twenty', async () => {
    const letter = await letterOf({ retry: { times: 24, delay: '1m' } }, fails);
    expect(letter.errors).toHaveLength(20);
    expect(history(letter).at(0)).toEqual(['run 6', 6, 5 * 60_000]);
    expect(history(letter).at(-1)).toEqual(['run 25', 25, 24 * 60_000]);
  });
});
