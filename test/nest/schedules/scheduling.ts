import { Injectable } from '@nestjs/common';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Consumer, FunqScheduler, currentTask, type ConsumerOptions, type FunqOptions } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Booted, type Options } from '../support/app.js';

export const START = Date.UTC(2026, 0, 1);
export const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const;

export interface Ran {
  /** The moment that the task stands for, in milliseconds since the start; undefined for one that has none. */
  readonly due: number | undefined;
  readonly args: readonly unknown[];
  readonly id: string;
  readonly schedule: string | undefined;
}

export interface Scheduling extends Booted {
  readonly clock: ManualClock;
  readonly scheduler: FunqScheduler;
  /** What ran in this app, in order. */
  readonly ran: Ran[];
  /** The moments of {@link ran}. */
  dues(): (number | undefined)[];
}

/** An app whose consumer of the queue `jobs` writes down what it was called for. */
export async function scheduling(
  schedule: ConsumerOptions['schedule'],
  {
    clock = new ManualClock(START),
    consumer = {},
    ...options
  }: Omit<Options, 'clock'> & { clock?: ManualClock; consumer?: ConsumerOptions } = {},
): Promise<Scheduling> {
  const ran: Ran[] = [];
  @Injectable()
  class Jobs {
    @Consumer({ queue: 'jobs', ...consumer, ...(schedule !== undefined && { schedule }) })
    run(...args: unknown[]): void {
      const { id, headers } = currentTask()!;
      const due = headers['funq-due'];
      const moment = due === undefined ? undefined : Date.parse(due) - START;
      ran.push({ due: moment, args, id, schedule: headers['funq-schedule'] });
    }
  }
  const booted = await boot({ providers: [Jobs] }, { ...options, clock });
  return { ...booted, clock, ran, scheduler: booted.app.get(FunqScheduler), dues: () => ran.map(({ due }) => due) };
}

/** A new folder with a SQLite file for brokers and stores that share it. */
export function sharedFile(): () => Pick<FunqOptions, 'brokers' | 'stores'> {
  const folder = mkdtempSync(join(tmpdir(), 'funq-schedules-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'funq.db');
  return () => ({ brokers: { default: sqlite({ file }) }, stores: { coordination: sqliteCoordination({ file }) } });
}

export const steps = (count: number, step: number, first: number = step): number[] =>
  Array.from({ length: count }, (_, n) => first + n * step);
