import type { RateOptions, TaskOverrides } from '../../contracts/policy.js';
import type { StoredLetter } from '../../core/dead-letters/stored-letter.js';
import { REACH } from '../../core/dead-letters/sweep.js';
import { FunqConfigError } from '../../core/errors.js';
import { checkQueueName } from '../../core/options/names.js';
import { OptionReader } from '../../core/options/options.js';
import { TASK_OPTIONS } from '../../core/options/task-options.js';
import { readPublishOptions } from '../publishing/publish.options.js';

/** Which letters are meant; several conditions must all hold. @publicApi */
export interface LetterFilter {
  /** Ids of letters, or of their tasks. */
  ids?: readonly string[];
  /** Why they died: `'failed'`, `'timeout'`, `'poison'` … */
  code?: string | readonly string[];
  /** Anything else. */
  where?: (letter: StoredLetter) => boolean;
  /** Name of the broker. Default: that of the queue's consumer when this app has it, else `'default'`. */
  broker?: string;
}

/** @publicApi */
export interface ListOptions extends LetterFilter {
  /** At most this many, 1 to 500. Default: 100. */
  limit?: number;
  /** Passes over this many of the oldest. */
  skip?: number;
}

/** @publicApi */
export interface ReplayOptions extends LetterFilter {
  /** At most this many, oldest first. Default: all. */
  limit?: number;
  /** Tasks per second, or more exactly `{ starts, per, burst }`. Default: as fast as the broker takes them. */
  rate?: number | Pick<RateOptions, 'starts' | 'per' | 'burst'>;
  /** Queue to send them to. Default: the one that each came from. */
  to?: string;
  /** Ends the replay early; what was not sent by then stays. The promise then resolves all the same, to how many were. */
  signal?: AbortSignal;
}

/** What is to be different; what is left out stays as it was. @publicApi */
export interface ReplayOneOptions {
  /** Arguments in the place of the old ones, all of them. */
  args?: readonly unknown[];
  /** Overrides of consumer options in the place of the task's own; `{}` for none. */
  options?: TaskOverrides;
  /** Headers in the place of the old ones. */
  headers?: Readonly<Record<string, string>>;
  to?: string;
  broker?: string;
}

const FILTER = ['ids', 'code', 'where', 'broker'];

/** Readers throw `FUNQ_OPTION_INVALID` or `FUNQ_QUEUE_NAME` before anything is touched. */
export function letterOptions(queue: string, options: object, own: readonly string[] = []): OptionReader {
  return new OptionReader(options, `dead letters of ${queue}`).only([...FILTER, ...own]);
}

export function readWhere(options: OptionReader): (letter: StoredLetter) => boolean {
  const ids = readTexts(options, 'ids');
  const codes = readTexts(options, 'code');
  const where = options.callback<(letter: StoredLetter) => boolean>('where');
  return (letter) =>
    (!ids || ids.has(letter.id) || ids.has(letter.envelope?.id ?? letter.id)) &&
    (!codes || codes.has(letter.code)) &&
    (!where || where(letter));
}

export function readListLimit(options: OptionReader): { limit: number; skip: number } {
  return { limit: options.integer('limit', 1, 500, 100), skip: options.integer('skip', 0, REACH - 500, 0) };
}

export function readReplay(options: OptionReader) {
  const signal = options.get('signal');
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw options.invalid('signal', 'must be an AbortSignal');
  return {
    limit: options.get('limit') === undefined ? Infinity : options.integer('limit', 1, Number.MAX_SAFE_INTEGER, 1),
    rate: readRate(options),
    to: readTo(options),
    signal,
  };
}

export function readEdit(queue: string, given: object) {
  const options = new OptionReader(given, `dead letter of ${queue}`).only([
    'args',
    'options',
    'headers',
    'to',
    'broker',
  ]);
  const args = options.get('args');
  if (args !== undefined && !Array.isArray(args)) throw options.invalid('args', 'must be the list of all arguments');
  const overrides = options.get('options') as TaskOverrides | undefined;
  const headers = options.get('headers') as Readonly<Record<string, string>> | undefined;
  if (overrides !== undefined) options.nested('options').only(TASK_OPTIONS);
  const read = readPublishOptions(queue, { ...overrides, ...(headers !== undefined && { headers }) }, 0);
  const edit = {
    ...(args !== undefined && { args: args as readonly unknown[] }),
    ...(overrides !== undefined && { options: { ...read.overrides } as Readonly<Record<string, unknown>> }),
    ...(read.headers && { headers: read.headers }),
  };
  return { edit: Object.keys(edit).length > 0 ? edit : undefined, to: readTo(options), broker: options.text('broker') };
}

export function readIds(queue: string, ids: unknown): readonly string[] {
  if (Array.isArray(ids) && ids.every((id) => typeof id === 'string')) return ids as readonly string[];
  throw new FunqConfigError('FUNQ_OPTION_INVALID', `dead letters of ${queue}: ids must be a list of texts`);
}

function readTo(options: OptionReader): string | undefined {
  const to = options.get('to');
  return to === undefined ? undefined : checkQueueName(to, options.label('to'));
}

function readTexts(options: OptionReader, key: string): ReadonlySet<string> | undefined {
  const value = options.get(key);
  if (value === undefined) return undefined;
  const list: unknown = typeof value === 'string' && key === 'code' ? [value] : value;
  if (Array.isArray(list) && list.every((text) => typeof text === 'string')) return new Set(list as string[]);
  throw options.invalid(key, 'must be a list of texts');
}

function readRate(options: OptionReader): { interval: number; burst: number } | undefined {
  const value = options.get('rate');
  if (value === undefined) return undefined;
  if (typeof value === 'number') return { interval: 1000 / options.number('rate', 1e-6, 100_000, 1), burst: 1 };
  const rate = options.nested('rate', 'tasks per second, or { starts, per, burst }').only(['starts', 'per', 'burst']);
  return {
    interval: rate.duration('per', 1, 366 * 86_400_000, '1s') / rate.number('starts', 1e-6, 1e9, NaN),
    burst: rate.integer('burst', 1, 1_000_000, 1),
  };
}
