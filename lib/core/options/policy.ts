import type { StandardSchemaV1 } from '@standard-schema/spec';
import type {
  ConsumerOptions,
  LiveOptions,
  Policy,
  RateOptions,
  TaskOverrides,
  WindowPolicy,
} from '../../contracts/policy.js';
import { TimeWindow } from '../consuming/window.js';
import { readSchedules } from '../schedules/schedule.js';
import { checkQueueName } from './names.js';
import { OptionReader } from './options.js';
import { TASK_OPTIONS, readTaskOptions } from './task-options.js';

const CONSUMER_OPTIONS = [
  'queue',
  'broker',
  'group',
  'concurrency',
  'window',
  'lease',
  'priority',
  'schema',
  'schedule',
  ...TASK_OPTIONS,
];

/** Slots when neither concurrency nor rate is given, and the most that a rate may ask for. */
const CONCURRENCY = 50;
const ELASTIC = 500;

/**
 * One consumer's policy: its options over the defaults, checked and frozen. `undefined` inherits. Throws
 * `FUNQ_OPTION_INVALID` or `FUNQ_QUEUE_NAME`, naming the handler, the option and the value.
 */
export function createPolicy(handler: string, options: ConsumerOptions, defaults: ConsumerOptions = {}): Policy {
  const given = new OptionReader(options, handler).given();
  const merged = new OptionReader({ ...defaults, ...given }, handler).only(CONSUMER_OPTIONS);
  const queue = readQueue(merged, handler);
  const common = readTaskOptions(merged, queue);
  const elastic = common.rate !== undefined && merged.get('concurrency') === undefined;
  return Object.freeze({
    queue,
    handler,
    broker: merged.text('broker') ?? 'default',
    group: merged.text('group'),
    concurrency: merged.integer('concurrency', 1, 10_000, elastic ? ELASTIC : CONCURRENCY),
    elastic,
    window: readWindow(merged),
    lease: merged.duration('lease', 1000, 3_600_000, '10s'),
    priority: merged.integer('priority', 0, 255, 0),
    schema: readSchema(merged),
    schedules: readSchedules(merged.get('schedule'), handler, queue),
    ...common,
  });
}

/**
 * A consumer's policy with `live` over its options. A bare number of starts changes just that number; scope and key of a
 * rate stay. Throws `FUNQ_OPTION_INVALID`, as {@link createPolicy} does.
 */
export function createLivePolicy(
  handler: string,
  options: ConsumerOptions,
  defaults: ConsumerOptions | undefined,
  live: LiveOptions,
): Policy {
  const reader = new OptionReader(live, `${handler}: change`).only(['rate', 'concurrency', 'window', 'paused']);
  reader.flag('paused', false);
  const { paused: _paused, ...changes } = reader.given() as LiveOptions;
  if (changes.rate) changes.rate = liveRate(reader, changes.rate, options.rate ?? defaults?.rate);
  const policy = createPolicy(handler, { ...options, ...changes }, defaults);
  if (!changes.rate || !policy.rate) return policy;
  return Object.freeze({ ...policy, rate: { ...policy.rate, schedule: `@${policy.rate.interval}` } });
}

function liveRate(
  reader: OptionReader,
  rate: NonNullable<LiveOptions['rate']>,
  own: ConsumerOptions['rate'],
): RateOptions {
  const before = typeof own === 'object' ? own : undefined;
  if (typeof rate === 'number') return { ...before, starts: reader.number('rate', 1e-6, 100_000, NaN), per: '1s' };
  reader.nested('rate', 'starts per second, { starts, per, burst } or false').only(['starts', 'per', 'burst']);
  const { scope, key } = before ?? {};
  return { ...(rate as RateOptions), ...(scope && { scope }), ...(key && { key }) };
}

/**
 * The policy of one task: `overrides` as they travelled, over the consumer's. Functions can't travel, so `key` and `when`
 * stay the consumer's. Throws as {@link createPolicy} does.
 */
export function overridePolicy(policy: Policy, overrides: TaskOverrides): Policy {
  const reader = new OptionReader(overrides, `task for ${policy.queue}`).only(TASK_OPTIONS);
  const read = readTaskOptions(reader, policy.queue);
  const changed = Object.fromEntries(Object.keys(reader.given()).map((key) => [key, read[key as keyof typeof read]]));
  // A bare number changes just that number.
  if (read.rate) changed['rate'] = { ...read.rate, key: policy.rate?.key, schedule: policy.rate?.schedule ?? '' };
  if (read.rate && policy.rate && typeof overrides.rate === 'number') {
    changed['rate'] = { ...policy.rate, interval: read.rate.interval };
  }
  if (read.retry) changed['retry'] = { ...read.retry, when: policy.retry?.when };
  if (read.retry && policy.retry && typeof overrides.retry === 'number') {
    changed['retry'] = { ...policy.retry, times: read.retry.times };
  }
  if (read.filter) changed['filter'] = { ...read.filter, key: policy.filter?.key };
  return Object.freeze({ ...policy, ...changed });
}

/** Leaves room for the name of its dead letters. */
function readQueue(options: OptionReader, handler: string): string {
  const given = options.get('queue');
  const queue = checkQueueName(given === undefined ? handler : given, handler);
  checkQueueName(`${queue}.dead`, `${handler}: its dead letters`);
  return queue;
}

function readWindow(options: OptionReader): WindowPolicy | undefined {
  const value = options.get('window');
  if (value === undefined || value === false) return undefined;
  const window = options.nested('window', '{ allow, deny, timeZone } or false').only(['allow', 'deny', 'timeZone']);
  const policy = {
    allow: texts(window, 'allow'),
    deny: texts(window, 'deny'),
    timeZone: window.text('timeZone') ?? 'UTC',
  };
  if (policy.allow.length + policy.deny.length === 0) throw options.invalid('window', 'must name allow or deny');
  new TimeWindow(policy, options.label('window'));
  return policy;
}

function texts(options: OptionReader, key: string): readonly string[] {
  const value = options.get(key);
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.every((text) => typeof text === 'string')) return list as string[];
  throw options.invalid(key, "must be '22:00-06:00', a cron expression, or a list of them");
}

function readSchema(options: OptionReader): StandardSchemaV1 | undefined {
  const schema = options.get('schema');
  if (schema === undefined) return undefined;
  const standard = (schema as Partial<StandardSchemaV1>)?.['~standard'];
  if (typeof standard?.validate === 'function') return schema as StandardSchemaV1;
  throw options.invalid('schema', 'must be a Standard Schema (zod, valibot, arktype …) of the argument tuple');
}
