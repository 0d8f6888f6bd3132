import { Injectable } from '@nestjs/common';
import { Consumer, type ConsumerOptions } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Options } from './app.js';

export interface Run {
  /** Tasks to publish. */
  readonly count: number;
  /** Milliseconds to let go by. */
  readonly ms: number;
  /** How long the `n`-th start takes, in milliseconds. */
  readonly took?: (n: number) => number;
  /** Whether the `n`-th start fails. */
  readonly fails?: (n: number) => boolean;
  readonly clock?: ManualClock;
  readonly app?: Options;
}

/** Start times of tasks that wait all the time, through the whole pipeline. */
export async function startsOf(options: ConsumerOptions, run: Run): Promise<readonly number[]> {
  const clock = run.clock ?? new ManualClock();
  const at: number[] = [];
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', ...options })
    async run(): Promise<void> {
      const n = at.push(clock.monotonic()) - 1;
      await clock.sleep(run.took?.(n) ?? 0);
      if (run.fails?.(n)) throw new Error('no');
    }
  }
  const { funq } = await boot({ providers: [Job] }, { clock, ...run.app });
  await funq.publishMany(
    'jobs',
    Array.from({ length: run.count }, () => []),
  );
  await clock.advance(run.ms);
  return at;
}

/** The fewest and the most of the sorted `times` in any window of `length` between the first and the last. */
export function windows(times: readonly number[], length: number): { fewest: number; most: number } {
  // A window holds the most when it begins with a start, and the fewest when it begins just after one.
  const from = (begin: number, open: boolean): number => {
    const until = begin + length;
    return times.filter((time) => (open ? time > begin && time <= until : time >= begin && time < until)).length;
  };
  const begins = times.filter((time) => time + length <= times.at(-1)!);
  return {
    fewest: Math.min(...begins.map((begin) => from(begin, true))),
    most: Math.max(...begins.map((begin) => from(begin, false))),
  };
}

export function closest(times: readonly number[]): number {
  return Math.min(...times.slice(1).map((time, index) => time - times[index]!));
}
