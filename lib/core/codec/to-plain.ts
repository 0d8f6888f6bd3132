import { FunqUnserializableError } from '../errors.js';
import { MAX_DEPTH, TYPED_ARRAYS, isDangerousKey } from './tags.js';

/** `value` as plain JSON data, with {@link tags} for what JSON lacks. Throws `FUNQ_UNSERIALIZABLE` with the path of the culprit. */
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
      return { $bigint: String(value) };
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
  if (prototype !== Object.prototype && prototype !== null) {
    const tagged = special(value, path, above);
    if (tagged) return tagged;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), path, above);
  return record(value as Record<string, unknown>, path, above);
}

function list(value: readonly unknown[], path: string, above: object[]): unknown[] {
  return Array.from(value, (item, index) => plain(item, `${path}[${index}]`, above));
}

function record(value: Record<string, unknown>, path: string, above: object[]): object {
  const copy: Record<string, unknown> = {};
  const keys = Object.keys(value);
  for (const key of keys) {
    const item = value[key];
    if (item === undefined) continue; // as JSON does
    if (isDangerousKey(key, item)) {
      throw new FunqUnserializableError(`${path}.${key}`, 'a key of this name could change what objects are');
    }
    copy[key] = plain(item, `${path}.${key}`, above);
  }
  return keys.length === 1 && keys[0]!.startsWith('$') ? { $literal: copy } : copy;
}

function special(value: object, path: string, above: object[]): object | undefined {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new FunqUnserializableError(path, 'it is an invalid date');
    return { $date: value.toISOString() };
  }
  if (value instanceof Uint8Array) return { $bytes: base64(value) };
  if (value instanceof Map) return { $map: list([...value], path, above) };
  if (value instanceof Set) return { $set: list([...value], path, above) };
  if (value instanceof URL) return { $url: value.href };
  if (ArrayBuffer.isView(value)) {
    const name = Object.prototype.toString.call(value).slice(8, -1);
    if (TYPED_ARRAYS.has(name)) return { $array: [name, base64(value)] };
  }
  for (const [type, remedy] of LOST) {
    if (value instanceof type) throw new FunqUnserializableError(path, `it is a ${type.name} object; ${remedy}`);
  }
  return undefined;
}

/** What JSON would quietly turn into `{}`, or into something else than it was. */
const LOST = [
  [Promise, 'await it first'],
  [Error, 'send its message'],
  [RegExp, 'send its source as text'],
  [Number, 'send the plain number'],
  [String, 'send the plain text'],
  [Boolean, 'send true or false'],
  [ArrayBuffer, 'send a Uint8Array of it'],
  [SharedArrayBuffer, 'send a Uint8Array of it'],
  [DataView, 'send a Uint8Array of it'],
  [WeakMap, 'send data instead'],
  [WeakSet, 'send data instead'],
  [WeakRef, 'send data instead'],
] as const;

function base64(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
}
