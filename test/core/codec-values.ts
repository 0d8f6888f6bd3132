/** What users may hand to a task, as `[what it is, the value, what arrives]`; the third is left out where the value itself arrives. */
export const TRAVELS: readonly (readonly [string, () => unknown, (() => unknown)?])[] = [
  ['null', () => null],
  ['undefined', () => undefined],
  ['true', () => true],
  ['an empty text', () => ''],
  ['a text in many scripts', () => 'größe 数据 🧵 \u0000\u2028\u2029"\\'],
  ['a text with a lone surrogate', () => 'a\ud800b\udc00'],
  ['a number', () => 1.5],
  ['the largest number', () => Number.MAX_VALUE],
  ['the smallest number', () => Number.MIN_VALUE],
  ['minus zero', () => -0],
  ['NaN', () => NaN],
  ['Infinity', () => Infinity],
  ['-Infinity', () => -Infinity],
  ['a bigint', () => -12_345_678_901_234_567_890n],
  ['a bigint of 10,000 digits', () => 10n ** 9_999n],
  ['a date', () => new Date(1_700_000_000_123)],
  ['the first date', () => new Date(-8.64e15)],
  ['the last date', () => new Date(8.64e15)],
  ['a Buffer', () => Buffer.from([0, 255, 128, 10])],
  ['an empty Buffer', () => Buffer.alloc(0)],
  ['a part of a larger Buffer', () => Buffer.from('abcdef').subarray(2, 4)],
  ['a Uint8Array', () => Uint8Array.of(0, 255)],
  ['a Uint8ClampedArray', () => Uint8ClampedArray.of(0, 255)],
  ['an Int8Array', () => Int8Array.of(-128, 127)],
  ['an Int16Array', () => Int16Array.of(-32_768, 1)],
  ['a Uint16Array', () => Uint16Array.of(65_535)],
  ['an Int32Array', () => Int32Array.of(-(2 ** 31))],
  ['a Uint32Array', () => Uint32Array.of(2 ** 32 - 1)],
  ['a Float32Array', () => Float32Array.of(1.5, NaN, -0)],
  ['a Float64Array', () => Float64Array.of(Math.PI, Infinity)],
  ['a BigInt64Array', () => BigInt64Array.of(-(2n ** 63n))],
  ['a BigUint64Array', () => BigUint64Array.of(2n ** 64n - 1n)],
  ['a part of a typed array', () => Int16Array.of(1, 2, 3, 4).subarray(1, 3)],
  ['a Map', () => new Map<unknown, unknown>([['a', 1], [{ key: 1 }, [new Date(0)]], [NaN, undefined]])], // prettier-ignore
  ['an empty Map', () => new Map()],
  ['a Set', () => new Set([1, 'a', -0, null, new Set([2n])])],
  ['a URL', () => new URL('https://user@example.org:8443/a%20b?c=d#e')],
  ['an object', () => ({ a: 1, b: { c: [] } })],
  ['an empty object', () => ({})],
  ['a list', () => [1, [2, [3]]]],
  ['a list with undefined', () => [undefined, 1, undefined]],
  ['the same object twice', () => shared()],
  ['an object that looks like a date', () => ({ $date: 'x' })],
  ['an object that looks like bytes', () => ({ $bytes: 'AAAA' })],
  ['an object that looks like a literal', () => ({ $literal: { $literal: 1 } })],
  ['an object that looks like an unknown tag', () => ({ $future: [1] })],
  ['an object with one key $', () => ({ $: 1 })],
  ['an object with a tag among other keys', () => ({ $date: 'x', other: 1 })],
  ['tags in tags', () => ({ $map: [[{ $set: [] }, new Map([[{ $undefined: true }, { $bigint: '1' }]])]] })],
  ['keys of every kind', () => ({ '': 1, ' ': 2, 0: 3, 'a.b': 4, toString: 5, hasOwnProperty: 6, constructor: 'x' })],
  ['an object with a property toJSON', () => ({ toJSON: 'no function' })],
  ['a text of 100 kB', () => 'x'.repeat(100_000)],
  ['10,000 keys', () => Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n]))],
  // What arrives is plain data: classes and prototypes stay at home.
  ['undefined as a property', () => ({ a: undefined, b: 1 }), () => ({ b: 1 })],
  ['a tag beside undefined', () => ({ $date: 'x', other: undefined }), () => ({ $date: 'x' })],
  ['a tag that is undefined', () => ({ $date: undefined }), () => ({})],
  ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), () => ({ a: 1 })],
  ['an instance of a class', () => new Point(1, 2), () => ({ x: 1, y: 2 })],
  ['an object with a symbol as a key', () => ({ [Symbol('hidden')]: 1, a: 2 }), () => ({ a: 2 })],
  ['a getter', () => ({ get a() { return 1; } }), () => ({ a: 1 })], // prettier-ignore
  ['a frozen object', () => Object.freeze({ a: Object.freeze([1]) }), () => ({ a: [1] })],
  ['a frozen object of which something is changed', () => deepFrozen({ at: new Date(0), none: undefined, list: [1, NaN, { b: 2n }] }), () => ({ at: new Date(0), list: [1, NaN, { b: 2n }] })], // prettier-ignore
  ['a list with a toJSON of its own', () => Object.assign([1, [new Date(0)]], { toJSON: () => 'another' }), () => [1, [new Date(0)]]], // prettier-ignore
  ['a getter of a date', () => ({ get a() { return { b: new Date(0) }; } }), () => ({ a: { b: new Date(0) } })], // prettier-ignore
  ['an object that says how it is sent', () => ({ secret: 1, toJSON: () => ({ shown: new Date(0) }) }), () => ({ shown: new Date(0) })], // prettier-ignore
  ['a class that says how it is sent', () => new Money(5n), () => ({ cents: 5n })],
  ['an error that says how it is sent', () => Object.assign(new Error('x'), { toJSON: () => 'sent' }), () => 'sent'],
  ['a Proxy of an object', () => new Proxy({ a: 1 }, {}), () => ({ a: 1 })],
  ['a Proxy of a list', () => new Proxy([1, 2], {}), () => [1, 2]],
  ['a subclass of Array', () => Stack.of(1, 2), () => [1, 2]],
  ['a subclass of Map', () => new Register([['a', 1]]), () => new Map([['a', 1]])],
  ['a subclass of Date', () => new Day(5), () => new Date(5)],
];

/** What is refused when it is published, as `[what it is, the arguments, the path in the message]`. */
export const REFUSED: readonly (readonly [string, () => readonly unknown[], string])[] = [
  ['a function', () => [() => 1], 'args[0]'],
  ['a function in an object', () => [1, { user: { socket: () => 1 } }], 'args[1].user.socket'],
  ['a class', () => [Point], 'args[0]'],
  ['a symbol', () => [[Symbol('x')]], 'args[0][0]'],
  ['a well-known symbol', () => [{ a: Symbol.iterator }], 'args[0].a'],
  ['an object that contains itself', () => [circle({})], 'args[0].self'],
  ['a list that contains itself', () => [pushed([])], 'args[0][0]'],
  ['two objects that contain each other', () => [ring()], 'args[0].next.next'],
  ['the arguments among themselves', () => pushed([1]), 'args[1]'],
  ['a Map that contains itself', () => [mapRing()], 'args[0][0][1]'],
  ['a Map that is its own key', () => [keyRing()], 'args[0][0][0]'],
  ['a Set that contains itself', () => [setRing()], 'args[0][0].set'],
  ['a getter that throws', () => [{ a: { get b() { throw new Error('no'); } } }], 'args[0].a'], // prettier-ignore
  ['toJSON that throws', () => [{ a: { toJSON() { throw new Error('no'); } } }], 'args[0].a'], // prettier-ignore
  ['toJSON that gives a function', () => [{ toJSON: () => () => 1 }], 'args[0]'],
  ['toJSON without an end', () => [endless()], 'args[0]'],
  ['a revoked Proxy', () => [{ a: revoked({}) }], 'args[0].a'],
  ['a revoked Proxy of a list', () => [revoked([])], 'args[0]'],
  ['a revoked Proxy of a function', () => [revoked(() => 1)], 'args[0]'],
  ['a Proxy of a Date', () => [new Proxy(new Date(0), {})], 'args[0]'],
  ['a Proxy of a Map', () => [new Proxy(new Map(), {})], 'args[0]'],
  ['a Proxy whose traps throw', () => [new Proxy({}, { ownKeys: () => { throw new Error('no'); } })], 'args[0]'], // prettier-ignore
  ['a list with a hole', () => [[1, , 3]], 'args[0][1]'], // oxlint-disable-line no-sparse-arrays
  ['arguments with a hole', () => [1, , 3], 'args[1]'], // oxlint-disable-line no-sparse-arrays
  ['four billion holes', () => [new Array(2 ** 32 - 1)], 'args[0][0]'],
  ['65 levels', () => [nested(64)], `args[0]${'.in'.repeat(63)}`],
  ['100,000 levels', () => [nested(100_000)], `args[0]${'.in'.repeat(63)}`],
  ['32 Maps in each other', () => [nestedMaps(32)], `args[0]${'[0][1]'.repeat(31)}[0]`],
  ['a bigint of 10,001 digits', () => [[10n ** 10_000n]], 'args[0][0]'],
  ['an invalid date', () => [{ at: new Date(NaN) }], 'args[0].at'],
  ['a Promise', () => [Promise.resolve(1)], 'args[0]'],
  ['an Error', () => [new TypeError('x')], 'args[0]'],
  ['a RegExp', () => [/x/g], 'args[0]'],
  ['a boxed number', () => [Object(1)], 'args[0]'],
  ['a boxed text', () => [Object('x')], 'args[0]'],
  ['a boxed boolean', () => [Object(true)], 'args[0]'],
  ['a boxed bigint', () => [Object(1n)], 'args[0]'],
  ['a boxed symbol', () => [Object(Symbol('x'))], 'args[0]'],
  ['an ArrayBuffer', () => [new ArrayBuffer(8)], 'args[0]'],
  ['a SharedArrayBuffer', () => [new SharedArrayBuffer(8)], 'args[0]'],
  ['a DataView', () => [new DataView(new ArrayBuffer(8))], 'args[0]'],
  ['a WeakMap', () => [new WeakMap()], 'args[0]'],
  ['a WeakSet', () => [new WeakSet()], 'args[0]'],
  ['a WeakRef', () => [new WeakRef({})], 'args[0]'],
  ['a generator', () => [numbers()], 'args[0]'],
  ['an iterator', () => [new Map([[1, 2]]).entries()], 'args[0]'],
  ['URLSearchParams', () => [new URLSearchParams('a=b')], 'args[0]'],
  ['Headers', () => [new Headers({ a: 'b' })], 'args[0]'],
  ['a Blob', () => [new Blob(['x'])], 'args[0]'],
  ['an AbortSignal', () => [new AbortController().signal], 'args[0]'],
  ['a number format', () => [new Intl.NumberFormat()], 'args[0]'],
  ['a key that could change prototypes', () => [JSON.parse('{"a":{"__proto__":{"polluted":1}}}')], 'args[0].a.__proto__'],
  ['a key that leads to a prototype', () => [{ constructor: { prototype: {} } }], 'args[0].constructor'],
]; // prettier-ignore

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
  get length(): number {
    return Math.hypot(this.x, this.y);
  }
}

class Money {
  readonly #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  toJSON(): unknown {
    return { cents: this.#cents };
  }
}

class Stack extends Array<number> {}
class Register extends Map<string, number> {}
class Day extends Date {}

function shared(): unknown {
  const one = { a: [1] };
  return [one, one, { one }];
}

/** `levels` objects, one in the other. */
export function nested(levels: number, innermost: unknown = 1): unknown {
  let value = innermost;
  for (let level = 0; level < levels; level++) value = { in: value };
  return value;
}

function nestedMaps(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = new Map([[1, value]]);
  return value;
}

function circle(object: Record<string, unknown>): unknown {
  object['self'] = object;
  return object;
}

function pushed(list: unknown[]): unknown[] {
  list.push(list);
  return list;
}

function ring(): unknown {
  const one: Record<string, unknown> = {};
  one['next'] = { next: one };
  return one;
}

function mapRing(): unknown {
  const map = new Map<unknown, unknown>();
  return map.set('self', map);
}

function keyRing(): unknown {
  const map = new Map<unknown, unknown>();
  return map.set(map, 1);
}

function setRing(): unknown {
  const set = new Set<unknown>();
  return set.add({ set });
}

function endless(): unknown {
  return { toJSON: () => endless() };
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function* numbers(): Generator<number> {
  yield 1;
}

function deepFrozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFrozen(inner);
  return value instanceof Date ? value : Object.freeze(value);
}
