import { FunqError, FunqUnserializableError, JsonCodec, type DeadLetter, type Envelope } from 'nestjs-funq';
import { describe, expect, it, vi } from 'vitest';
import { canonicalKey } from '../../lib/core/canonical.js';
import { REFUSED, TRAVELS, nested } from './codec-values.js';

const codec = new JsonCodec();
const envelope = (args: readonly unknown[]): Envelope => ({ v: 1, id: 'a', args, publishedAt: 1, attempt: 1 });
const letter = (args: readonly unknown[]): DeadLetter => ({
  v: 1, queue: 'q', reason: 'r', code: 'failed', diedAt: 1, errors: [], envelope: envelope(args),
}); // prettier-ignore
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** Each way that arguments or a result take. */
const WAYS: readonly (readonly [string, (value: unknown) => unknown])[] = [
  ['an envelope', (value) => codec.decode(codec.encode(envelope([value]))).args[0]],
  ['a dead letter', (value) => codec.decodeDeadLetter(codec.encodeDeadLetter(letter([value]))).envelope!.args[0]],
  ['a reply', (value) => codec.decodeReply(codec.encodeReply({ v: 1, call: 'c', value })).value],
  ['a result', (value) => codec.decodeValue(codec.encodeValue(value))],
];

function thrown(work: () => unknown): FunqError {
  try {
    work();
  } catch (error) {
    if (error instanceof FunqError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe.each(WAYS)('%s carries', (_way, send) => {
  it.each(TRAVELS.map(([name, make, arrives = make]) => ({ name, make, arrives })))('$name', ({ make, arrives }) => {
    expect(send(make())).toStrictEqual(arrives());
    expect(send([{ deep: [make()] }, make()])).toStrictEqual([{ deep: [arrives()] }, arrives()]);
  });

  it('a value at the greatest depth', () => {
    expect(send(nested(63))).toStrictEqual(nested(63));
    expect(send(nested(62, new Date(5)))).toStrictEqual(nested(62, new Date(5)));
  });
});

describe('an envelope refuses', () => {
  it.each(REFUSED)('%s, naming where it stands', (_name, make, path) => {
    const error = thrown(() => codec.encode(envelope(make())));
    expect(error).toBeInstanceOf(FunqUnserializableError);
    expect(error).toMatchObject({ code: 'FUNQ_UNSERIALIZABLE', path });
    expect(error.message.startsWith(`${path} can't be sent: `)).toBe(true);
  });

  it.each([
    ['it is an invalid date', new Date(NaN)],
    ['it is a function; send data instead', () => 1],
    ['it is of the kind Promise; await it first', Promise.resolve()],
    ['it is of the kind RegExp; send its source as text', /x/],
    ['it is of the kind URLSearchParams; send data instead', new URLSearchParams()],
    ['reading it threw an error', new Proxy({}, { ownKeys: () => [1 as never] })],
  ])('telling why: %s', (why, value) => {
    expect(thrown(() => codec.encode(envelope([value]))).message).toBe(`args[0] can't be sent: ${why}`);
  });

  it('what is longer than a text can be', () => {
    const stringify = vi.spyOn(JSON, 'stringify').mockImplementation(() => {
      throw new RangeError('Invalid string length');
    });
    const error = thrown(() => codec.encode(envelope(['x'])));
    stringify.mockRestore();
    expect(error).toMatchObject({ code: 'FUNQ_UNSERIALIZABLE', message: expect.stringContaining('too long') });
  });
});

describe('what was read can be written again', () => {
  const body = (args: unknown): Buffer => bytes({ v: 1, id: 'a', args, publishedAt: 1, attempt: 1 });
  const again: readonly (readonly [string, unknown])[] = [
    ['nesting', [nested(63)]],
    ['a list in a list', [JSON.parse('['.repeat(63) + ']'.repeat(63))]],
    ['a Map in a Map', [{ $map: [[1, { $map: [[1, { $set: [{ $date: '2020-01-01' }] }]] }]] }]],
    ['a literal of several keys', [{ $literal: { a: 1, b: 2 } }]],
    ['an unknown tag', [{ $future: 1 }]],
    ['a bigint', [{ $bigint: '9'.repeat(10_000) }]],
  ];

  it.each(again)('%s', (_name, args) => {
    const read = codec.decode(body(args));
    expect(codec.decode(codec.encode(read))).toStrictEqual(read);
    expect(codec.decodeDeadLetter(codec.encodeDeadLetter(letter(read.args))).envelope!.args).toStrictEqual(read.args);
    expect(codec.decodeValue(codec.encodeValue(read.args))).toStrictEqual(read.args);
    expect(canonicalKey(read.args)).toBe(canonicalKey(codec.decode(body(args)).args));
  });

  it.each([
    ['objects', nested(64)],
    ['lists', JSON.parse('['.repeat(64) + ']'.repeat(64))],
    ['100,000 lists', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])('one level more of %s can not be read', (_name, deep) => {
    const text = typeof deep === 'string' ? deep : JSON.stringify(deep);
    const raw = `{"v":1,"id":"a","args":[${text}],"publishedAt":1,"attempt":1}`;
    expect(thrown(() => codec.decode(bytes(raw)))).toMatchObject({ code: 'FUNQ_UNDECODABLE' });
  });
});
