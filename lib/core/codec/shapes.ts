import type { DeadLetter, Envelope, ErrorRecord, Reply } from '../../contracts/envelope.js';
import { isRecord } from './from-plain.js';
import { isDangerousKey } from './tags.js';

/** What a message must look like before anything in it is believed. Fields that are not named here are ignored. */

export function isEnvelope(value: unknown): value is Envelope {
  return (
    isRecord(value) &&
    value['v'] === 1 &&
    isText(value['id'], 1, 200) &&
    Array.isArray(value['args']) &&
    isTime(value['publishedAt']) &&
    isCount(value['attempt'], 1) &&
    optional(value['requeues'], (n) => isCount(n, 0)) &&
    optional(value['deliveries'], (n) => isCount(n, 0)) &&
    optional(value['options'], isSafeRecord) &&
    optional(value['priority'], (n) => isCount(n, 0) && (n as number) <= 255) &&
    optional(value['key'], (key) => isText(key, 0, 1000)) &&
    optional(
      value['headers'],
      (headers) => isSafeRecord(headers) && Object.values(headers).every((v) => typeof v === 'string'),
    ) &&
    optional(value['reply'], isReplyAddress) &&
    optional(value['errors'], (errors) => Array.isArray(errors) && errors.every((error) => isErrorRecord(error)))
  );
}

export function isReply(value: unknown): value is Reply {
  return (
    isRecord(value) &&
    value['v'] === 1 &&
    isText(value['call'], 1, 200) &&
    optional(value['error'], (e) => isErrorRecord(e))
  );
}

export function isDeadLetter(value: unknown): value is DeadLetter {
  return (
    isRecord(value) &&
    value['v'] === 1 &&
    isText(value['queue'], 1, 200) &&
    isText(value['reason'], 0, Infinity) &&
    isText(value['code'], 0, 200) &&
    isTime(value['diedAt']) &&
    Array.isArray(value['errors']) &&
    value['errors'].every((error) => isErrorRecord(error)) &&
    optional(value['envelope'], isEnvelope) &&
    optional(value['raw'], (raw) => isText(raw, 0, Infinity))
  );
}

function isReplyAddress(value: unknown): boolean {
  return isRecord(value) && isText(value['queue'], 1, 200) && isText(value['call'], 1, 200) && isTime(value['until']);
}

function isErrorRecord(value: unknown, depth = 0): value is ErrorRecord {
  return (
    depth < 10 &&
    isRecord(value) &&
    isText(value['name'], 0, 1000) &&
    isText(value['message'], 0, 100_000) &&
    optional(value['code'], (code) => isText(code, 0, 1000)) &&
    optional(value['stack'], (stack) => isText(stack, 0, 100_000)) &&
    optional(value['cause'], (cause) => isErrorRecord(cause, depth + 1))
  );
}

function isSafeRecord(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.entries(value).every(([key, item]) => !isDangerousKey(key, item));
}

function optional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}

function isText(value: unknown, min: number, max: number): boolean {
  return typeof value === 'string' && value.length >= min && value.length <= max;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown, min: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min;
}
