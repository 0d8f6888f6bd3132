import type { DeadLetter, Envelope, ErrorRecord, Reply } from '../../contracts/envelope.js';
import { isQueueName } from '../options/names.js';
import { isRecord } from './from-plain.js';
import { MAX_DEPTH, isDangerousKey } from './tags.js';

/**
 * What a message must look like before anything in it is believed. Fields that are not named here are ignored, and carried
 * along when the message is written again.
 */

export function isEnvelope(value: unknown): value is Envelope {
  return (
    isTame(value, 'args') &&
    value['v'] === 1 &&
    isId(value['id']) &&
    optional(value['origin'], isId) &&
    Array.isArray(value['args']) &&
    isTime(value['publishedAt']) &&
    isCount(value['attempt'], 1) &&
    optional(value['requeues'], isNumber) &&
    optional(value['deliveries'], isNumber) &&
    optional(value['options'], isRecord) &&
    optional(value['priority'], isPriority) &&
    optional(value['key'], isKey) &&
    optional(value['headers'], isHeaders) &&
    optional(value['pattern'], isAnyText) &&
    optional(value['reply'], isReplyAddress) &&
    optional(value['errors'], isHistory)
  );
}

export function isReply(value: unknown): value is Reply {
  return (
    isTame(value, 'value') &&
    value['v'] === 1 &&
    isId(value['call']) &&
    optional(value['error'], isError) &&
    optional(value['part'], isNumber) &&
    optional(value['parts'], isNumber) &&
    optional(value['from'], isCallee) &&
    optional(value['source'], isQueueName)
  );
}

export function isDeadLetter(value: unknown): value is DeadLetter {
  return (
    isTame(value, 'envelope') &&
    value['v'] === 1 &&
    isQueueName(value['queue']) &&
    isAnyText(value['reason']) &&
    isText(value['code'], 0, 200) &&
    isTime(value['diedAt']) &&
    isHistory(value['errors']) &&
    optional(value['envelope'], isEnvelope) &&
    optional(value['raw'], isBase64) &&
    (value['envelope'] === undefined) !== (value['raw'] === undefined)
  );
}

const isId = (value: unknown): boolean => isText(value, 1, 200);
const isKey = (value: unknown): boolean => isText(value, 0, 1000);
const isAnyText = (value: unknown): boolean => isText(value, 0, Infinity);
const isNumber = (value: unknown): boolean => isCount(value, 0);
const isPriority = (value: unknown): boolean => isCount(value, 0) && (value as number) <= 255;
const isHeaders = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
const isError = (value: unknown): boolean => isErrorRecord(value);
const isHistory = (value: unknown): boolean => Array.isArray(value) && value.every(isError);

function isReplyAddress(value: unknown): boolean {
  return isCallee(value) && isTime(value['until']) && optional(value['parts'], isTime);
}

function isCallee(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && isQueueName(value['queue']) && isId(value['call']);
}

function isErrorRecord(value: unknown, depth = 0): value is ErrorRecord {
  return (
    depth < 10 &&
    isRecord(value) &&
    isText(value['name'], 0, 1000) &&
    isText(value['message'], 0, 100_000) &&
    optional(value['code'], (code) => isText(code, 0, 1000)) &&
    optional(value['stack'], (stack) => isText(stack, 0, 100_000)) &&
    optional(value['cause'], (cause) => isErrorRecord(cause, depth + 1)) &&
    optional(value['at'], isTime) &&
    optional(value['attempt'], (n) => isCount(n, 1))
  );
}

/** A record that is harmless all through; its field `except` is judged elsewhere. */
function isTame(value: unknown, except: string): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  for (const key in value) if (key !== except && !isHarmless(key, value[key], 1)) return false;
  return true;
}

function isHarmless(key: string, value: unknown, depth: number): boolean {
  if (isDangerousKey(key, value)) return false;
  if (typeof value !== 'object' || value === null) return true;
  return depth < MAX_DEPTH && Object.entries(value).every(([inner, item]) => isHarmless(inner, item, depth + 1));
}

function optional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}

function isText(value: unknown, min: number, max: number): boolean {
  return typeof value === 'string' && value.length >= min && value.length <= max;
}

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown, min: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min;
}
