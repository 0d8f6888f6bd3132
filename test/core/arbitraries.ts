import fc from 'fast-check';
import type { Envelope, ErrorRecord } from 'nestjs-funq';

const keys = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('$date', '$map', '$literal', '$', 'constructor', 'toString', 'a', 'b', '0', '10'),
);

/** Any value that a task may carry; `undefined` only in lists, because properties that hold it stay behind. */
export const values: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'value' },
    fc.oneof(
      fc.string({ unit: 'binary' }), fc.double(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(-0),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), fc.date({ noInvalidDate: true }), fc.webUrl().map((url) => new URL(url)),
      fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }).map((list) => Buffer.from(list)), fc.float64Array({ maxLength: 4 }),
      fc.bigInt64Array({ maxLength: 3 }), fc.int16Array({ maxLength: 4 }),
    ),
    fc.array(fc.oneof(tie('value'), fc.constant(undefined)), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 4, noNullPrototype: true }).filter(isHarmless),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).value; // prettier-ignore

export const arguments_ = fc.array(values, { maxLength: 4 });

/** What an attacker would try to place. */
export const dangerous = fc.constantFrom<unknown>(
  JSON.parse('{"__proto__":{"polluted":true}}'),
  { constructor: { prototype: { polluted: true } } },
  { $literal: JSON.parse('{"__proto__":{"polluted":true}}') as unknown },
  { constructor: { $literal: { prototype: { polluted: true } } } },
  { $map: [['a', JSON.parse('{"__proto__":{"polluted":true}}') as unknown]] },
  { $bigint: '9'.repeat(100_000) },
  { $date: 'x' },
  { $array: ['Float64Array', 'AA=='] },
  { $url: '::' },
  1e308,
  -1,
  'x'.repeat(10_000),
  JSON.parse('['.repeat(200) + ']'.repeat(200)),
);

const error: fc.Arbitrary<ErrorRecord> = fc.letrec<{ error: ErrorRecord }>((tie) => ({
  error: fc.record(
    {
      name: fc.string(), message: fc.string(), code: fc.string(), stack: fc.string(), at: fc.nat(), attempt: fc.nat().map((n) => n + 1),
      cause: fc.option(tie('error'), { nil: undefined, depthSize: 'small', maxDepth: 4 }),
    },
    { requiredKeys: ['name', 'message'] },
  ).map(withoutUndefined),
})).error; // prettier-ignore

/** Any envelope that this version could have written. */
export const envelopes: fc.Arbitrary<Envelope> = fc
  .record(
    {
      v: fc.constant(1), id: fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), args: arguments_, publishedAt: fc.nat(), attempt: fc.nat().map((n) => n + 1),
      origin: fc.uuid(), requeues: fc.nat(), deliveries: fc.nat(),
      options: fc.constantFrom<Record<string, unknown>>({ retry: 3 }, { timeout: '5s', filter: { ttl: '1h' } }, {}),
      priority: fc.integer({ min: 0, max: 255 }), key: fc.string({ maxLength: 50 }), pattern: fc.string(),
      headers: fc.dictionary(keys, fc.string(), { maxKeys: 3, noNullPrototype: true }),
      reply: fc
        .record({ queue: fc.constant('funq.replies.0f'), call: fc.string({ minLength: 1 }), until: fc.nat() })
        .map(withoutUndefined),
      errors: fc.array(error, { maxLength: 3 }),
    },
    { requiredKeys: ['v', 'id', 'args', 'publishedAt', 'attempt'] },
  )
  .map(withoutUndefined); // prettier-ignore

/** The same values with each object's keys in another order: backwards, or as `order` puts them. */
export function withKeysTurned<T>(value: T, order: (keys: string[]) => string[] = (own) => own.reverse()): T {
  if (Array.isArray(value)) return value.map((item: unknown) => withKeysTurned(item, order)) as T;
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [withKeysTurned(key, order), withKeysTurned(item, order)])) as T;
  if (value instanceof Set) return new Set([...value].map((item) => withKeysTurned(item, order))) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const fields = value as Record<string, unknown>;
  return Object.fromEntries(order(Object.keys(fields)).map((key) => [key, withKeysTurned(fields[key], order)])) as T;
}

function isHarmless(object: Record<string, unknown>): boolean {
  const { constructor } = object as { constructor: unknown };
  return !(typeof constructor === 'object' && constructor !== null && 'prototype' in constructor);
}

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
