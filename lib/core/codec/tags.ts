/**
 * Values that JSON lacks travel as objects with one key that begins with `$`: `{"$date":"2026-…"}`. An object of the user's
 * that looks like one is wrapped in `$literal`. The tables are fixed: nothing in a message can add to them.
 */

/**
 * Deeper values are refused on both sides, so that no later walk can exhaust the stack, and what was read can be written again.
 * The list of a task's arguments counts as one level.
 */
export const MAX_DEPTH = 64;

/** Characters of a bigint, likewise on both sides. */
export const MAX_BIGINT = 10_000;

export const TYPED_ARRAYS: ReadonlyMap<string, (bytes: ArrayBuffer) => ArrayBufferView> = new Map<
  string,
  (bytes: ArrayBuffer) => ArrayBufferView
>([
  ['Int8Array', (bytes) => new Int8Array(bytes)],
  ['Uint8Array', (bytes) => new Uint8Array(bytes)],
  ['Uint8ClampedArray', (bytes) => new Uint8ClampedArray(bytes)],
  ['Int16Array', (bytes) => new Int16Array(bytes)],
  ['Uint16Array', (bytes) => new Uint16Array(bytes)],
  ['Int32Array', (bytes) => new Int32Array(bytes)],
  ['Uint32Array', (bytes) => new Uint32Array(bytes)],
  ['Float32Array', (bytes) => new Float32Array(bytes)],
  ['Float64Array', (bytes) => new Float64Array(bytes)],
  ['BigInt64Array', (bytes) => new BigInt64Array(bytes)],
  ['BigUint64Array', (bytes) => new BigUint64Array(bytes)],
]);

/** Keys through which a careless merge would reach every object's prototype. */
export function isDangerousKey(key: string, value: unknown): boolean {
  if (key === '__proto__') return true;
  return key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
