import { deepStrictEqual } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { FunqError, JsonCodec, type Envelope } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../lib/core/canonical.js';
import { arguments_, dangerous, envelopes, values, withKeysTurned } from './arbitraries.js';

/** 100,000 envelopes in all. A failure prints its seed: `FUNQ_SEED=… npx vitest run test/core/envelopes` repeats it. */
const RUNS = { valid: 25_000, json: 25_000, mutated: 35_000, bytes: 15_000 };
const seed = Number(process.env['FUNQ_SEED'] ?? process.pid);
const codec = new JsonCodec();

/** What reading came to; anything but an envelope or one of two codes is a failure. */
function read(body: Uint8Array): Envelope | undefined {
  const before = performance.now();
  try {
    return codec.decode(body);
  } catch (error) {
    if (!(error instanceof FunqError)) throw error;
    expect(['FUNQ_UNDECODABLE', 'FUNQ_VERSION_NEWER']).toContain(error.code);
    return undefined;
  } finally {
    slowest = Math.max(slowest, ((performance.now() - before) / Math.max(body.length, 10_000)) * 10_000);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  }
}
let slowest = 0;

/** An envelope that was read can be written, and what was written means the same. */
function checkReadable(body: Uint8Array): boolean {
  const envelope = read(body);
  if (envelope) deepStrictEqual(codec.decode(codec.encode(envelope)), envelope);
  return envelope !== undefined;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('envelopes', { timeout: 60_000 }, () => {
  it(`that are valid arrive as they were sent (${RUNS.valid})`, () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        deepStrictEqual(codec.decode(codec.encode(envelope)), envelope);
      }),
      { numRuns: RUNS.valid, seed },
    );
  });

  it(`that are any JSON are read or refused (${RUNS.json})`, () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => void checkReadable(bytes(text))),
      { numRuns: RUNS.json, seed },
    );
  });

  it(`of which one part was changed are read or refused (${RUNS.mutated})`, () => {
    let readable = 0;
    const change = fc.tuple(fc.nat(), fc.oneof(values, dangerous, fc.jsonValue()), fc.boolean());
    fc.assert(
      fc.property(envelopes, change, (envelope, [at, value, drop]) => {
        const plain = JSON.parse(Buffer.from(codec.encode(envelope)).toString()) as object;
        const text = JSON.stringify(changed(plain, at, value, drop), (_key, item: unknown) =>
          typeof item === 'bigint' || typeof item === 'undefined' ? null : item,
        );
        if (checkReadable(bytes(text))) readable++;
      }),
      { numRuns: RUNS.mutated, seed },
    );
    // Both outcomes must be there, or this shows nothing.
    expect(readable).toBeGreaterThan(RUNS.mutated / 20);
    expect(readable).toBeLessThan(RUNS.mutated);
  });

  it(`that are any bytes, or damaged, are read or refused (${RUNS.bytes})`, () => {
    const damage = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'insert'));
    const damaged = fc.tuple(envelopes, damage).map(([envelope, [at, byte, how]]) => {
      const body = [...codec.encode(envelope)];
      if (how === 'cut') body.length = at % body.length;
      else body.splice(at % body.length, how === 'set' ? 1 : 0, byte);
      return Uint8Array.from(body);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), damaged), (body) => void checkReadable(body)),
      { numRuns: RUNS.bytes, seed },
    );
    console.log(`slowest reading of 10 kB: ${slowest.toFixed(2)} ms, seed ${seed}`);
  });
});

describe('the key of arguments', { timeout: 60_000 }, () => {
  it('is the same in whatever order the keys stand, and on both sides', () => {
    fc.assert(
      fc.property(arguments_, (args) => {
        const key = canonicalKey(args);
        expect(canonicalKey(withKeysTurned(args))).toBe(key);
        const [envelope] = [codec.decode(codec.encode({ v: 1, id: 'a', args, publishedAt: 0, attempt: 1 }))];
        expect(canonicalKey(envelope.args)).toBe(key);
      }),
      { numRuns: 2000, seed },
    );
  });

  it('differs for different arguments', () => {
    const seen = new Map<string, readonly unknown[]>();
    fc.assert(
      fc.property(arguments_, (args) => {
        const key = canonicalKey(args);
        expect(isDeepStrictEqual(seen.get(key) ?? args, args)).toBe(true);
        seen.set(key, args);
      }),
      { numRuns: 5000, seed },
    );
    expect(seen.size).toBeGreaterThan(1000);
  });

  it('is the same in whatever order maps and sets were filled', () => {
    fc.assert(
      fc.property(fc.uniqueArray(values, { minLength: 2, maxLength: 5, comparator: isDeepStrictEqual }), (items) => {
        const turned = items.toReversed();
        const pairs = (list: unknown[]): [unknown, unknown][] => list.map((item) => [item, { item }]);
        expect(canonicalKey([new Set(turned)])).toBe(canonicalKey([new Set(items)]));
        expect(canonicalKey([{ in: new Map(pairs(turned)) }])).toBe(canonicalKey([{ in: new Map(pairs(items)) }]));
        expect(canonicalKey([turned])).not.toBe(canonicalKey([items]));
        expect(canonicalKey([{ $set: turned }])).not.toBe(canonicalKey([{ $set: items }]));
      }),
      { numRuns: 1000, seed },
    );
  });

  it.each([
    [[0], [-0]],
    [[1], ['1']],
    [[null], [undefined]],
    [[[]], [{}]],
    [[1n], [1]],
    [[1n], ['1']],
    [[new Date(0)], ['1970-01-01T00:00:00.000Z']],
    [[new Date(0)], [{ $date: '1970-01-01T00:00:00.000Z' }]],
    [[new Map([[1, 2]])], [new Set([[1, 2]])]],
    [[new Map([[1, 2]])], [{ 1: 2 }]],
    [[Buffer.from('a')], [Uint8Array.of(97)]],
    [[Int8Array.of(1)], [Uint8Array.of(1)]],
    [['\u00e9'], ['e\u0301']],
    [['\ud800'], ['\ud801']],
    [[1, 2], [[1, 2]]],
    [['a', 'b'], ['a,b']],
    [[{ a: 1, b: 2 }], [{ a: 2, b: 1 }]],
    [['x'.repeat(200)], ['x'.repeat(199) + 'y']],
    [['x'.repeat(200)], [canonicalKey(['x'.repeat(200)])]],
  ])('differs: %o and %o', (one, other) => {
    expect(canonicalKey(one)).not.toBe(canonicalKey(other));
  });
});

/** `plain` with its `at`-th value replaced or dropped. */
function changed(plain: object, at: number, value: unknown, drop: boolean): unknown {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (object: object): void => {
    for (const [key, item] of Object.entries(object)) {
      places.push([object as Record<string, unknown>, key]);
      if (typeof item === 'object' && item !== null) walk(item);
    }
  };
  walk(plain);
  const [object, key] = places[at % places.length]!;
  if (drop) delete object[key];
  else
    Object.defineProperty(object, at % 10 === 0 ? '__proto__' : key, { value, enumerable: true, configurable: true });
  return plain;
}
