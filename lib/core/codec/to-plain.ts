import { FunqUnserializableError } from '../errors.js';
import { MAX_BIGINT, MAX_DEPTH, TYPED_ARRAYS, isDangerousKey } from './tags.js';

/**
 * `value` as plain JSON data, with {@link tags} for what JSON lacks. Throws `FUNQ_UNSERIALIZABLE` with the path of the culprit.
 *
 * As with JSON, an instance of a class travels as its own properties, or as what its `toJSON` gives, and properties that are
 * `undefined` or named by symbols stay behind. Unlike JSON, what would be lost without a trace is refused. Only what has to
 * be changed is copied, so the answer is to be written out before the value may change.
 */
export function toPlain(value: unknown, path: string): unknown {
  return plain(value, path, []);
}

function plain(value: unknown, path: string, above: object[]): unknown {
  if (isBare(value)) return value;
  switch (typeof value) {
    case 'number':
      return { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: digits(value, path) };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return nested(value as object, path, above);
    default:
      throw new FunqUnserializableError(path, `it is a ${typeof value}; send data instead`);
  }
}

/** It travels as it is: its path, which only an error tells, need not even be put together. */
function isBare(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

function nested(value: object, path: string, above: object[]): unknown {
  if (above.includes(value)) throw new FunqUnserializableError(path, 'it contains itself');
  if (above.length >= MAX_DEPTH)
    throw new FunqUnserializableError(path, `it is nested deeper than ${MAX_DEPTH} levels`);
  above.push(value);
  try {
    return object(value, path, above);
  } catch (error) {
    if (error instanceof FunqUnserializableError) throw error;
    throw new FunqUnserializableError(path, 'reading it threw an error', { cause: error });
  } finally {
    above.pop();
  }
}

function object(value: object, path: string, above: object[]): unknown {
  if (Array.isArray(value)) return list(value, path, above);
  const prototype: unknown = Object.getPrototypeOf(value);
  const foreign = prototype !== Object.prototype && prototype !== null;
  const tagged = foreign && special(value, path, above);
  if (tagged) return tagged;
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), path, above);
  if (foreign) refuseLost(value, path);
  return record(value as Record<string, unknown>, path, above);
}

/** The list itself where all of it travels as it is. */
function list(value: readonly unknown[], path: string, above: object[]): readonly unknown[] {
  // Of a copy, JSON does not ask how it is to be sent.
  let copy = 'toJSON' in value ? [...value] : undefined;
  for (let i = 0; i < value.length; i++) {
    const given = value[i];
    if (given === undefined && !(i in value)) throw new FunqUnserializableError(`${path}[${i}]`, 'the list has a hole');
    const item = isBare(given) ? given : plain(given, `${path}[${i}]`, above);
    if (item !== given) (copy ??= [...value])[i] = item;
  }
  return copy ?? value;
}

/** The record itself where all of it travels as it is. */
function record(value: Record<string, unknown>, path: string, above: object[]): object {
  const keys = Object.keys(value);
  let sent = keys.length;
  let copy: Record<string, unknown> | undefined;
  for (const key of keys) {
    const given = value[key];
    if (given === undefined) {
      // As JSON does.
      delete (copy ??= { ...value })[key];
      sent--;
      continue;
    }
    const item = isBare(given) ? given : plain(given, `${path}.${key}`, above);
    if (isDangerousKey(key, item)) {
      throw new FunqUnserializableError(`${path}.${key}`, 'a key of this name could change what objects are');
    }
    if (item !== given) (copy ??= { ...value })[key] = item;
  }
  const plainly = copy ?? value;
  return sent === 1 && Object.keys(plainly)[0]!.startsWith('$') ? { $literal: plainly } : plainly;
}

function special(value: object, path: string, above: object[]): object | undefined {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new FunqUnserializableError(path, 'it is an invalid date');
    return { $date: value.toISOString() };
  }
  if (Buffer.isBuffer(value)) return { $bytes: base64(value) };
  if (value instanceof Map) return { $map: list([...value], path, above) };
  if (value instanceof Set) return { $set: list([...value], path, above) };
  if (value instanceof URL) return { $url: value.href };
  if (ArrayBuffer.isView(value) && TYPED_ARRAYS.has(kindOf(value))) return { $array: [kindOf(value), base64(value)] };
  return undefined;
}

/** Refuses what JSON would quietly turn into `{}`, or into something else than it was: whatever is more than an object's properties. */
function refuseLost(value: object, path: string): void {
  const kind = kindOf(value);
  if (kind === 'Object') return;
  throw new FunqUnserializableError(path, `it is of the kind ${kind}; ${REMEDIES.get(kind) ?? 'send data instead'}`);
}

const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['Promise', 'await it first'],
  ['Error', 'send its message'],
  ['RegExp', 'send its source as text'],
  ['Number', 'send the plain number'],
  ['String', 'send the plain text'],
  ['Boolean', 'send true or false'],
  ['ArrayBuffer', 'send a Uint8Array of it'],
  ['SharedArrayBuffer', 'send a Uint8Array of it'],
  ['DataView', 'send a Uint8Array of it'],
]);

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** A longer one would take its reader minutes. */
function digits(value: bigint, path: string): string {
  const text = String(value);
  if (text.length <= MAX_BIGINT) return text;
  throw new FunqUnserializableError(path, `it is a bigint of more than ${MAX_BIGINT} digits`);
}

function base64(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
}
