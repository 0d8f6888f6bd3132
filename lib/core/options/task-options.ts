import type { FilterPolicy, Policy, RatePolicy, RetryPolicy, TaskOverrides } from '../../contracts/policy.js';
import { checkQueueName } from './names.js';
import type { OptionReader } from './options.js';

/** The options that a consumer has and that one task may override. */
// prettier-ignore
export const TASK_OPTIONS: readonly (keyof TaskOverrides)[] = [
  'rate', 'retry', 'timeout', 'filter', 'expire', 'persist', 'deadLetter', 'maxDeliveries',
];

const HOUR = 3_600_000;
const YEAR = 366 * 24 * HOUR;

type TaskPolicy = Pick<Policy, keyof TaskOverrides>;

export function readTaskOptions(options: OptionReader, queue: string): TaskPolicy {
  return {
    rate: readRate(options),
    retry: readRetry(options),
    timeout: options.optionalDuration('timeout', 1, YEAR),
    filter: readFilter(options),
    expire: options.optionalDuration('expire', 1, 10 * YEAR),
    persist: readPersist(options),
    deadLetter: readDeadLetter(options, queue),
    maxDeliveries: options.integer('maxDeliveries', 1, 100, 5),
  };
}

function readRate(options: OptionReader): RatePolicy | undefined {
  const value = options.get('rate');
  if (isOff(value)) return undefined;
  if (typeof value === 'number') {
    const interval = 1000 / options.number('rate', 1e-6, 100_000, 1);
    return { schedule: '', interval, burst: 1, scope: 'process', key: undefined };
  }
  const rate = options
    .nested('rate', 'starts per second, { starts, per, burst, scope, key } or false')
    .only(['starts', 'per', 'burst', 'scope', 'key']);
  return {
    schedule: '',
    interval: rate.duration('per', 1, YEAR, '1s') / rate.number('starts', 1e-6, 1e9, NaN),
    burst: rate.integer('burst', 1, 1_000_000, 1),
    scope: rate.oneOf('scope', ['process', 'shared', 'split']) ?? 'process',
    key: rate.callback('key'),
  };
}

function readRetry(options: OptionReader): RetryPolicy | undefined {
  const value = options.get('retry');
  if (isOff(value)) return undefined;
  const now = { delay: 0, factor: 1, max: HOUR, jitter: 0, when: undefined };
  if (typeof value === 'number') return { times: options.integer('retry', 0, 1000, 0), ...now };
  const retry = options
    .nested('retry', 'a number of runs, { times, delay, factor, max, jitter, when } or false')
    .only(['times', 'delay', 'factor', 'max', 'jitter', 'when']);
  const times = retry.integer('times', 0, 1000, NaN);
  if (times === 0) return undefined;
  return {
    times,
    delay: retry.duration('delay', 0, YEAR, 0),
    factor: retry.number('factor', 1, 100, 1),
    max: retry.duration('max', 0, YEAR, HOUR),
    jitter: retry.number('jitter', 0, 1, 0),
    when: retry.callback('when'),
  };
}

function readFilter(options: OptionReader): FilterPolicy | undefined {
  const value = options.get('filter');
  if (isOff(value)) return undefined;
  if (value === true) return { ttl: undefined, key: undefined, reply: undefined };
  const filter = options.nested('filter', 'true, { ttl, key, reply } or false').only(['ttl', 'key', 'reply']);
  return {
    ttl: filter.optionalDuration('ttl', 1, 100 * YEAR),
    key: filter.callback('key'),
    reply: filter.oneOf('reply', ['cached']),
  };
}

function readPersist(options: OptionReader): Policy['persist'] {
  const value = options.get('persist');
  const week = 7 * 24 * HOUR;
  if (isOff(value)) return undefined;
  if (value === 'status' || value === 'result') return { result: value === 'result', ttl: week };
  const persist = options.nested('persist', "'status', 'result', { result, ttl } or false").only(['result', 'ttl']);
  return { result: persist.flag('result', false), ttl: persist.duration('ttl', 1000, 100 * YEAR, week) };
}

function readDeadLetter(options: OptionReader, queue: string): string | undefined {
  const value = options.get('deadLetter');
  if (value === false) return undefined;
  if (value === undefined || value === true) return `${queue}.dead`;
  // A dead letter is no task: in its own queue it would die again, and again.
  if (value === queue) throw options.invalid('deadLetter', 'must be another queue than the one that it is for');
  return checkQueueName(value, options.label('deadLetter'));
}

function isOff(value: unknown): boolean {
  return value === undefined || value === false || value === 0;
}
