import { FunqUnserializableError } from '../errors.js';
import { MAX_BIGINT, MAX_DEPTH, TYPED_ARRAYS, isDangerousKey } from './tags.js';

/**
 * `value` as plain JSON data, with {@link tags} for what JSON lacks. Throws `FUNQ_UNSERIALIZABLE` with the path of the culprit.
 *
 * As with JSON, an instance of a class travels as its own properties, or as what its `toJSON` gives, and properties that are
 * `undefined` or named by symbols stay behind. Unlike JSON, what would be lost without a trace is refused.
 */
export function toPlain(value: unknown, path: string): unknown {
  return plain(value, path, []);
}

function plain(value: unknown, path: string, above: object[]): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Object.is(value, -0)) return { $number: '-0' };
      return Number.isFinite(value) ? value : { $number: String(value) };
    case 'bigint':
      return { $bigint: digits(value, path) };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return value === null ? null : nested(value, path, above);
    default:
      throw new FunqUnserializableError(path, `it is a ${typeof value}; send data instead`);
  }
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

function list(value: readonly unknown[], path: string, above: object[]): unknown[] {
  const copy: unknown[] = [];
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (item === undefined && !(i in value)) throw new FunqUnserializableError(`${path}[${i}]`, 'the list has a hole');
    copy.push(plain(item, `${path}[${i}]`, above));
  }
  return copy;
}

function record(value: Record<string, unknown>, path: string, above: object[]): object {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const given = value[key];
    if (given === undefined) continue; // as JSON does
    const item = plain(given, `${path}.${key}`, above);
    if (isDangerousKey(key, item)) {
      throw new FunqUnserializableError(`${path}.${key}`, 'a key of this name could change what objects are');
    }
    copy[key] = item;
  }
  return looksTagged(copy) ? { $literal: copy } : copy;
}

function looksTagged(copy: object): boolean {
  const keys = Object.keys(copy);
  return keys.length === 1 && keys[0]!.startsWith('$');
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
