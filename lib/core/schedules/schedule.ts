import type { SchedulePolicy, ScheduleTimes } from '../../contracts/schedule.js';
import { FunqConfigError } from '../errors.js';
import { isQueueName } from '../options/names.js';
import { OptionReader } from '../options/options.js';
import { show } from '../options/show.js';
import { TASK_OPTIONS } from '../options/task-options.js';
import { cronDates } from './cron.js';

const PUBLISH = ['priority', 'key', 'headers', ...TASK_OPTIONS];
// prettier-ignore
const KNOWN = ['name', 'cron', 'timeZone', 'every', 'at', 'from', 'until', 'times', 'missed', 'args', ...PUBLISH];

const CENTURY = 100 * 366 * 86_400_000;
const MOST_MOMENTS = 1000;
const MOST_TIMES = 10_000;
const MOST_MISSED = 100;
const FORM = 'one schedule, { cron | every | at, name, args … }, or a list of them';

/** The schedules of one consumer. Throws `FUNQ_OPTION_INVALID`, naming `where`, the option and the value. */
export function readSchedules(value: unknown, where: string, queue: string): readonly SchedulePolicy[] {
  if (value === undefined || value === false) return [];
  if (typeof value !== 'object' || value === null)
    throw new OptionReader({ schedule: value }, where).invalid('schedule', `must be ${FORM}`);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((options, n) => {
    const place = Array.isArray(value) ? `schedule[${n}]` : 'schedule';
    return readSchedule(options, `${where}: ${place}`, n === 0 ? queue : `${queue}:${n + 1}`);
  });
}

/** One schedule. Throws `FUNQ_OPTION_INVALID`. */
export function readSchedule(value: unknown, where: string, name: string): SchedulePolicy {
  const options = new OptionReader(value, where).only(KNOWN);
  const from = moment(options, 'from');
  const until = moment(options, 'until');
  if (from !== undefined && until !== undefined && from > until)
    throw options.invalid('until', 'must not be before from');
  return Object.freeze({
    name: readName(options, name),
    when: readTimes(options),
    from,
    until,
    times: options.get('times') === undefined ? undefined : options.integer('times', 1, MOST_TIMES, 1),
    missed: readMissed(options),
    args: readArgs(options),
    publish: Object.fromEntries(
      PUBLISH.map((key) => [key, options.get(key)]).filter(([, given]) => given !== undefined),
    ),
  });
}

/** What a schedule's moments are, in words: the same text for the same series. */
export function describeTimes(when: ScheduleTimes): string {
  if ('cron' in when) return `cron ${when.cron} ${when.timeZone}`;
  if ('every' in when) return `every ${when.every} ms`;
  return `at ${when.at.map((time) => new Date(time).toISOString()).join(', ')}`;
}

function readName(options: OptionReader, fallback: string): string {
  const name = options.get('name') ?? fallback;
  if (isQueueName(name)) return name;
  throw options.invalid('name', "must be 1 to 128 letters, digits, '.', ':', '_' or '-'");
}

function readTimes(options: OptionReader): ScheduleTimes {
  const given = ['cron', 'every', 'at'].filter((key) => options.get(key) !== undefined);
  if (given.length !== 1) {
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `${options.label('cron, every, at')}: ${given.length === 0 ? 'none is' : `${given.join(' and ')} are`} given, but a schedule takes exactly one`,
    );
  }
  if (given[0] === 'cron') return readCron(options);
  if (options.get('timeZone') !== undefined)
    throw options.invalid('timeZone', 'belongs to cron alone; write moments with their offset');
  if (given[0] === 'every') return { every: options.duration('every', 100, CENTURY, 0) };
  return { at: readMoments(options) };
}

function readCron(options: OptionReader): ScheduleTimes {
  const cron = options.text('cron')!;
  const timeZone = options.text('timeZone') ?? 'UTC';
  checkZone(options, timeZone);
  cronDates(cron, timeZone, options.label('cron'));
  return { cron, timeZone };
}

function checkZone(options: OptionReader, timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone });
  } catch {
    throw options.invalid('timeZone', "is no IANA time zone: write 'Europe/Berlin' or 'UTC'");
  }
}

function readMoments(options: OptionReader): readonly number[] {
  const value = options.get('at');
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MOST_MOMENTS)
    throw options.invalid('at', `must name 1 to ${MOST_MOMENTS} moments`);
  return [...new Set(list.map((one) => epochOf(one, options.label('at'))))].toSorted((a, b) => a - b);
}

function readMissed(options: OptionReader): number {
  const value = options.get('missed');
  if (value === 'skip') return 0;
  if (value === undefined || value === 'once') return 1;
  if (typeof value === 'number') return options.integer('missed', 0, MOST_MISSED, 1);
  throw options.invalid('missed', `must be 'skip', 'once' or a number from 0 to ${MOST_MISSED}`);
}

function readArgs(options: OptionReader): readonly unknown[] {
  const args = options.get('args');
  if (args === undefined || Array.isArray(args)) return (args as readonly unknown[] | undefined) ?? [];
  throw options.invalid('args', 'must be the list of arguments');
}

function moment(options: OptionReader, key: string): number | undefined {
  const value = options.get(key);
  return value === undefined ? undefined : epochOf(value, options.label(key));
}

/** A text without its offset would be another moment on a machine in another time zone. */
const DATED = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))?$/;

function epochOf(value: unknown, option: string): number {
  const text = typeof value === 'string' && DATED.test(value) ? Date.parse(value) : NaN;
  const epoch = typeof value === 'number' ? value : value instanceof Date ? value.getTime() : text;
  if (Number.isInteger(epoch) && Math.abs(epoch) <= 8.64e15) return epoch;
  throw new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    `${option} is ${show(value)}, which is no moment: give a Date, milliseconds since 1970, or a text with its offset such as '2026-03-08T06:00:00Z'`,
  );
}
