import { deepStrictEqual } from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { JsonCodec, type DeadLetter, type Envelope, type Reply } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';

/**
 * What each version wrote, read for ever. Files are added when a version is released, and never changed: a message may wait
 * in a queue for longer than a release lasts.
 */
const FOLDER = new URL('golden/', import.meta.url);
const codec = new JsonCodec();

interface Case {
  readonly file: string;
  readonly object: unknown;
  readonly read: (body: Uint8Array) => unknown;
  /** How today's version writes it; left out where today's version writes another layout. */
  readonly write?: () => Uint8Array;
}

const minimal: Envelope = { v: 1, id: 'order-17', args: ['Shenzhen'], publishedAt: 1_767_225_600_000, attempt: 1 };

const full: Envelope = {
  v: 1,
  id: 'order-18',
  origin: 'b3c1f0de-0000-4000-8000-000000000001',
  args: [
    null, true, 'größe 数据 🧵', '\ud800', 1.5, -0, NaN, Infinity, -Infinity, 12_345_678_901_234_567_890n, new Date(1_767_225_600_123),
    Buffer.from([0, 255]), Uint8Array.of(1, 2), Float64Array.of(0.5), BigInt64Array.of(-1n), new URL('https://example.org/a?b=c'),
    new Map<unknown, unknown>([['a', 1], [{ key: 1 }, new Set([undefined, 'x'])]]),
    { plain: { list: [1, [2]] }, $two: 1, keys: 2 },
    { $date: 'not a date' },
    { $literal: { $date: 'x' } },
  ],
  publishedAt: 1_767_225_600_000,
  attempt: 3,
  priority: 9,
  key: 'customer-4',
  headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  options: { retry: { times: 5, delay: '1s', factor: 2 }, timeout: '10s', filter: { ttl: '1h' }, expire: false, deadLetter: 'parked' },
  reply: { queue: 'funq.replies.0123456789abcdef01234567', call: '0123456789abcdef0123456789abcdef', until: 1_767_225_630_000 },
  errors: [
    { name: 'TypeError', message: 'no', code: 'E_NO', stack: 'TypeError: no\n    at x', at: 1_767_225_600_500, attempt: 1 },
    { name: 'Error', message: 'again', cause: { name: 'Error', message: 'why' }, at: 1_767_225_601_500, attempt: 2 },
  ],
  deliveries: 1,
  requeues: 2,
}; // prettier-ignore

const value: Reply = {
  v: 1,
  call: '0123456789abcdef0123456789abcdef',
  value: { at: new Date(0), total: 5n, none: [undefined] },
};
const nothing: Reply = { v: 1, call: '0123456789abcdef0123456789abcdef', value: undefined };
const error: Reply = {
  v: 1, call: '0123456789abcdef0123456789abcdef',
  error: { name: 'RangeError', message: 'too far', code: 'E_FAR', stack: 'RangeError: too far\n    at y', cause: { name: 'Error', message: 'why' } },
}; // prettier-ignore

const death = { v: 1, queue: 'weather', reason: 'again', code: 'failed', diedAt: 1_767_225_602_000 };
const letter: DeadLetter = { ...death, errors: full.errors!, envelope: full };
const unreadable: DeadLetter = {
  ...death,
  reason: 'the message can’t be read',
  code: 'undecodable',
  errors: [],
  raw: 'AP/+',
};

const CASES: readonly Case[] = [
  ...[['minimal', minimal] as const, ['full', full] as const].map(([name, object]) => ({
    file: `v1-envelope-${name}.json`, object, read: (body: Uint8Array) => codec.decode(body), write: () => codec.encode(object),
  })),
  ...[['value', value] as const, ['nothing', nothing] as const, ['error', error] as const].map(([name, object]) => ({
    file: `v1-reply-${name}.json`, object, read: (body: Uint8Array) => codec.decodeReply(body), write: () => codec.encodeReply(object),
  })),
  ...[['envelope', letter] as const, ['raw', unreadable] as const].map(([name, object]) => ({
    file: `v1-dead-letter-${name}.json`, object, read: (body: Uint8Array) => codec.decodeDeadLetter(body), write: () => codec.encodeDeadLetter(object),
  })),
]; // prettier-ignore

describe('a message of an earlier version', () => {
  it.each(CASES)('$file is read as it was meant', ({ file, object, read }) => {
    deepStrictEqual(read(Buffer.from(wire(file))), object);
  });

  it.each(CASES.filter(({ write }) => write))('$file is what today’s version writes', ({ file, write }) => {
    expect(Buffer.from(write!()).toString()).toBe(wire(file));
  });

  it('has its file, and each file is read', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(CASES.map(({ file }) => file).sort());
  });
});

/** The exact bytes, as text. */
function wire(file: string): string {
  return (JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as { wire: string }).wire;
}
