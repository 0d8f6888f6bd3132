import type { Duration, TaskOverrides } from './policy.js';

/** A `Date`, milliseconds since the epoch, or an ISO 8601 text with its offset: `'2026-03-08T06:00:00Z'`, `'…+02:00'`. */
export type Moment = Date | number | string;

/**
 * When a task is published by itself: exactly one of `cron`, `every` and `at`. All processes that share the broker name the
 * same moments, and each of these becomes one task however many of them there are.
 *
 * Options that one task may override (`retry`, `timeout` …) hold for the tasks of this schedule.
 */
export interface ScheduleOptions extends TaskOverrides {
  /**
   * Unique among the schedules of all processes that share the broker or the coordination store; the characters of a
   * queue's name. Default: the queue's name, `<queue>:2` for its second schedule.
   */
  name?: string;
  /**
   * Minute hour day month weekday, with seconds before them if there are six. Names, `L`, `W`, `#` and `@daily` are known.
   *
   * Daylight saving time: a job at fixed times of day runs once a day: a time that is left out runs when the gap ends, one
   * that comes twice runs the first time. With `*` or a step among second, minute and hour it keeps its real interval.
   */
  cron?: string;
  /** IANA time zone of {@link cron}. Default: `'UTC'`. */
  timeZone?: string;
  /** Whole multiples of this since {@link from}, or since 1970-01-01T00:00Z, to the millisecond: the same moments in every process. At least 100 ms. */
  every?: Duration;
  /** Once, or at each of up to 1,000 moments. */
  at?: Moment | readonly Moment[];
  /** Nothing before. */
  from?: Moment;
  /** Nothing after. */
  until?: Moment;
  /**
   * Ends after this many moments, 1 to 10,000, whether or not anybody was there to run them. Counted from {@link from}, else
   * from when the schedule was first started, which the coordination store remembers for all processes and restarts.
   */
  times?: number;
  /**
   * How many of the moments that passed while no process ran, or while the schedule could not publish for more than a
   * minute, are made up for: none (`'skip'`), the latest (`'once'`), or up to so many of the latest, 0 to 100. Those of the
   * time before a start are known only with a coordination store that outlives the processes. None older than seven days.
   * Default: `'once'`.
   */
  missed?: 'skip' | 'once' | number;
  /** The task's arguments. Default: none. */
  args?: readonly unknown[];
  /** As when publishing. */
  priority?: number;
  key?: string;
  headers?: Readonly<Record<string, string>>;
}

/** Header of scheduled tasks: the name of the schedule. */
export const SCHEDULE_HEADER = 'funq-schedule';
/** Header of scheduled tasks: the moment that the task stands for, as ISO 8601 text in UTC. */
export const DUE_HEADER = 'funq-due';

/** One schedule, checked. Moments are milliseconds since the epoch. */
export interface SchedulePolicy {
  readonly name: string;
  readonly when: ScheduleTimes;
  readonly from: number | undefined;
  readonly until: number | undefined;
  readonly times: number | undefined;
  readonly missed: number;
  readonly args: readonly unknown[];
  /** Options of its tasks as they were given. */
  readonly publish: Pick<ScheduleOptions, 'priority' | 'key' | 'headers' | keyof TaskOverrides>;
}

export type ScheduleTimes =
  | { readonly cron: string; readonly timeZone: string }
  | { readonly every: number }
  /** Sorted, without repeats. */
  | { readonly at: readonly number[] };
