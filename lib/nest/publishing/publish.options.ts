import type { Duration, TaskOverrides } from '../../contracts/policy.js';
import { FunqConfigError } from '../../core/errors.js';
import { OptionReader } from '../../core/options/options.js';
import { TASK_OPTIONS, readTaskOptions } from '../../core/options/task-options.js';

/** Options of one task; what a consumer's options have in common with these, they override. @publicApi */
export interface PublishOptions extends TaskOverrides {
  /** The task's id, 1 to 200 characters. Default: a random UUID. Tasks of one id are not merged: see `filter` for that. */
  id?: string;
  /** Not before this time has passed. */
  delay?: Duration;
  /** 0 to 255; higher runs first. Default: the consumer's. */
  priority?: number;
  /** Tasks of one key keep their order on brokers that order by key. */
  key?: string;
  /** Texts that travel with the task. */
  headers?: Readonly<Record<string, string>>;
  /** Broker to publish to. Default: the consumer's when this app has it, else `'default'`. */
  broker?: string;
  /**
   * Your own transaction on the database of a broker that has one, as postgres has: a `pg` client between BEGIN and COMMIT, or
   * TypeORM's query runner or entity manager. The task is there if and when it commits.
   */
  transaction?: object;
}

/** @publicApi */
export interface AskOptions extends Omit<PublishOptions, 'transaction'> {
  /** How long to wait for the outcome. Default: `forRoot({ replyTimeout })`. */
  replyTimeout?: Duration;
}

/** Publishing options, checked. */
export interface PublishSettings {
  readonly id: string | undefined;
  readonly delay: number;
  readonly priority: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly broker: string | undefined;
  readonly transaction: object | undefined;
  readonly replyTimeout: number | undefined;
  readonly overrides: TaskOverrides | undefined;
}

const OWN = ['id', 'delay', 'priority', 'key', 'headers', 'broker', 'transaction', 'replyTimeout'];
const FOREVER = 100 * 366 * 86_400_000;

/** Throws `FUNQ_OPTION_INVALID` for what can't work, before anything is sent. */
export function readPublishOptions(
  queue: string,
  options: PublishOptions | AskOptions,
  priority: number,
): PublishSettings {
  if (isEmpty(options)) return priority === 0 ? PLAIN : { ...PLAIN, priority };
  const reader = new OptionReader(options, `task for ${queue}`).only([...OWN, ...TASK_OPTIONS]);
  return {
    id: reader.text('id'),
    delay: reader.duration('delay', 0, FOREVER, 0),
    priority: reader.integer('priority', 0, 255, priority),
    key: reader.text('key'),
    headers: readHeaders(reader),
    broker: reader.text('broker'),
    transaction: readTransaction(reader),
    replyTimeout: readReplyTimeout(reader),
    overrides: readOverrides(reader, queue),
  };
}

/** Of nearly every task. */
const PLAIN: PublishSettings = Object.freeze({
  id: undefined, delay: 0, priority: 0, key: undefined, headers: undefined, broker: undefined, transaction: undefined, replyTimeout: undefined, overrides: undefined,
}); // prettier-ignore

function isEmpty(options: unknown): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  for (const _key in options) return false;
  return true;
}

function readHeaders(options: OptionReader): PublishSettings['headers'] {
  const headers = options.get('headers');
  if (headers === undefined) return undefined;
  if (isPlain(headers) && Object.entries(headers).every(([name, value]) => name !== '__proto__' && isText(value)))
    return { ...headers } as Record<string, string>;
  throw options.invalid('headers', 'must be an object of texts');
}

/** Neither a list nor a Map nor fetch's Headers, whose content is not in their properties. */
function isPlain(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function readTransaction(options: OptionReader): object | undefined {
  const transaction = options.get('transaction');
  if (transaction === undefined) return undefined;
  if (typeof transaction !== 'object' || transaction === null)
    throw options.invalid('transaction', 'must be the client, or query runner, whose transaction it is');
  return transaction;
}

function readReplyTimeout(options: OptionReader): number | undefined {
  return options.get('replyTimeout') === undefined ? undefined : options.duration('replyTimeout', 1, FOREVER, 0);
}

/** The overrides as they were given, for they travel as such; reading them here finds mistakes before they travel. */
function readOverrides(options: OptionReader, queue: string): TaskOverrides | undefined {
  const given = TASK_OPTIONS.filter((key) => options.get(key) !== undefined);
  if (given.length === 0) return undefined;
  readTaskOptions(options, queue);
  const overrides = Object.fromEntries(given.map((key) => [key, options.get(key)]));
  for (const [key, value] of Object.entries(overrides)) {
    const travels =
      typeof value !== 'object' || value === null || Object.values(value).every((part) => typeof part !== 'function');
    if (!travels)
      throw new FunqConfigError(
        'FUNQ_OPTION_INVALID',
        `task for ${queue}: ${key} holds a function, which can't travel; set it on the consumer`,
      );
  }
  return overrides;
}
