import { MAX_BIGINT, MAX_DEPTH, TYPED_ARRAYS, isDangerousKey } from './tags.js';

/**
 * The value that `toPlain` was given. Changes `value` in place: it comes fresh from a parser. Throws a `TypeError` for
 * anything malformed, too deep or dangerous.
 */
export function fromPlain(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return list(value, depth);
  const keys = Object.keys(value);
  const only = keys.length === 1 ? keys[0]! : '';
  const revive = REVIVERS.get(only);
  return revive ? revive((value as Record<string, unknown>)[only], depth) : record(value, depth);
}

function list(value: unknown[], depth: number): unknown[] {
  for (let i = 0; i < value.length; i++) value[i] = fromPlain(value[i], depth + 1);
  return value;
}

function record(value: object, depth: number): object {
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const given = fields[key];
    const item = fromPlain(given, depth + 1);
    // Judged as what the handler gets: a tag could hide it.
    if (isDangerousKey(key, item)) throw new TypeError(`forbidden key ${key}`);
    if (item !== given) fields[key] = item;
  }
  return fields;
}

const REVIVERS: ReadonlyMap<string, (value: unknown, depth: number) => unknown> = new Map<
  string,
  (value: unknown, depth: number) => unknown
>([
  ['$number', (value) => NUMBERS.get(text(value)) ?? malformed('$number')],
  ['$bigint', (value) => bigint(text(value))],
  ['$undefined', () => undefined],
  ['$date', (value) => date(text(value))],
  ['$bytes', (value) => Buffer.from(text(value), 'base64')],
  ['$map', (value, depth) => new Map(list(items(value), depth).map(pair))],
  ['$set', (value, depth) => new Set(list(items(value), depth))],
  ['$url', (value) => new URL(text(value))],
  ['$array', (value) => typedArray(items(value))],
  ['$literal', (value, depth) => record(isRecord(value) ? value : malformed('$literal'), depth)],
]);

const NUMBERS = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

function bigint(digits: string): bigint {
  return digits.length <= MAX_BIGINT && /^-?\d+$/.test(digits) ? BigInt(digits) : malformed('$bigint');
}

function date(iso: string): Date {
  const value = new Date(iso);
  return Number.isNaN(value.getTime()) ? malformed('$date') : value;
}

function typedArray([name, data]: unknown[]): ArrayBufferView {
  const create = TYPED_ARRAYS.get(text(name)) ?? malformed('$array');
  return create(new Uint8Array(Buffer.from(text(data), 'base64')).buffer);
}

function pair(value: unknown): [unknown, unknown] {
  return Array.isArray(value) && value.length === 2 ? (value as [unknown, unknown]) : malformed('$map');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : malformed('tag');
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : malformed('tag');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string): never {
  throw new TypeError(`malformed ${what}`);
}
