import { FunqError, JsonCodec } from 'nestjs-funq';
import { createEnvelope } from '../../lib/core/envelope.js';
import { describe, expect, it } from 'vitest';

const codec = new JsonCodec();
const GOOD = { v: 1, id: 'a', args: [], publishedAt: 1, attempt: 1 };
const REPLY = { v: 1, call: 'c' };
const LETTER = { v: 1, queue: 'q', reason: '', code: 'failed', diedAt: 1, errors: [] };
const ERROR = { name: 'Error', message: '' };
const ADDRESS = { queue: 'funq.replies.0a', call: 'c', until: 1 };

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
/** `text` inside a good envelope, for what no object literal can say. */
const raw = (text: string): Buffer => Buffer.from(JSON.stringify(GOOD).replace('}', `,${text}}`));
const args = (text: string): Buffer => Buffer.from(JSON.stringify(GOOD).replace('[]', `[${text}]`));
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** The `?` in `body` replaced. */
function withByte(body: Buffer, byte: number): Buffer {
  body[body.indexOf('?')] = byte;
  return body;
}

function code(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    return error instanceof FunqError ? error.code : `threw ${String(error)}`;
  }
}

describe('bytes that are no envelope', () => {
  const bodies: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', Buffer.alloc(0)],
    ['zero bytes', Buffer.alloc(100)],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['invalid UTF-8 in a text', withByte(args('"?"'), 0xff)],
    ['half a character', Buffer.concat([json(GOOD).subarray(0, -1), Buffer.from([0xc3])])],
    ['UTF-16', Buffer.from(JSON.stringify(GOOD), 'utf16le')],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json(GOOD)])],
    ['truncated JSON', json(GOOD).subarray(0, -1)],
    ['two envelopes', Buffer.concat([json(GOOD), json(GOOD)])],
    ['a comment', Buffer.from(`/* */${JSON.stringify(GOOD)}`)],
    ['XML', Buffer.from('<task id="a"/>')],
    ['compressed bytes', Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0])],
    ['a text', json('x')],
    ['a number', json(1)],
    ['null', json(null)],
    ['true', json(true)],
    ['a list', json([GOOD])],
    ['an empty object', json({})],
    ['a reply', json(REPLY)],
    ['a dead letter', json({ ...LETTER, raw: '' })],
    ['a message of another library', json({ pattern: 'cats', data: {} })],
    ['half a million open brackets', Buffer.from('['.repeat(500_000))],
    ['half a million lists', Buffer.from(deep(500_000))],
    ['an argument of half a million lists', args(deep(500_000))],
    ['half a million objects', args('{"a":'.repeat(500_000) + '1' + '}'.repeat(500_000))],
    ['an unknown field of half a million lists', raw(`"x":${deep(500_000)}`)],
    ['an unknown field of 65 levels', raw(`"x":${deep(64)}`)],
    ['a field in a reply address of 65 levels', raw(`"reply":{"queue":"q","call":"c","until":1,"x":${deep(64)}}`)],
    ['a field in an error of 65 levels', raw(`"errors":[{"name":"","message":"","x":${deep(64)}}]`)],
    ['options of 65 levels', raw(`"options":{"retry":${deep(64)}}`)],
  ];

  it.each(bodies)('%s', (_name, body) => {
    expect(code(() => codec.decode(body))).toBe('FUNQ_UNDECODABLE');
    expect(code(() => codec.decodeReply(body)) === 'read').toBe(_name === 'a reply');
    expect(code(() => codec.decodeDeadLetter(body)) === 'read').toBe(_name === 'a dead letter');
  });
});

describe('a dead letter that is not what it should be', () => {
  const envelope = JSON.parse(
    Buffer.from(codec.encode(createEnvelope({ args: [], publishedAt: 1 }))).toString(),
  ) as object;
  const raw = 'bm8=';

  it('is read when it holds a task or bytes', () => {
    expect(code(() => codec.decodeDeadLetter(json({ ...LETTER, raw })))).toBe('read');
    expect(code(() => codec.decodeDeadLetter(json({ ...LETTER, envelope })))).toBe('read');
  });

  it.each<[string, object]>([
    ['neither a task nor bytes', LETTER],
    ['both', { ...LETTER, raw, envelope }],
    ['bytes that are none', { ...LETTER, raw: '{}' }],
    ['bytes of another alphabet', { ...LETTER, raw: 'a-_=' }],
    ['a queue that no broker could have', { ...LETTER, raw, queue: '../*' }],
    ['a queue that is too long', { ...LETTER, raw, queue: 'q'.repeat(129) }],
    ['no queue', { ...LETTER, raw, queue: undefined }],
    ['a time that is none', { ...LETTER, raw, diedAt: 'yesterday' }],
    ['no list of errors', { ...LETTER, raw, errors: {} }],
    ['an error that is none', { ...LETTER, raw, errors: ['x'] }],
    ['a code that is none', { ...LETTER, raw, code: 5 }],
    ['a task that is none', { ...LETTER, envelope: { ...envelope, attempt: 0 } }],
    ['a task of its own queue and prototype', { ...LETTER, envelope: { ...envelope, constructor: { prototype: {} } } }],
  ])('%s', (_name, letter) => {
    expect(code(() => codec.decodeDeadLetter(json(letter)))).toBe('FUNQ_UNDECODABLE');
  });
});

describe('a field that is not what it should be', () => {
  const wrong: Record<string, readonly unknown[]> = {
    v: [undefined, null, 0, -1, '1', 1.5, true, [1], {}, 2.5, 1e300],
    id: [undefined, null, '', 7, true, [], {}, 'x'.repeat(201)],
    origin: [null, '', 7, {}, 'x'.repeat(201)],
    args: [undefined, null, 'x', 5, {}, { length: 1 }, { $set: [] }, { $map: [] }],
    publishedAt: [undefined, null, '2026-01-01', -1, {}, true],
    attempt: [undefined, null, 0, -1, 1.5, '1', 2 ** 53, {}],
    requeues: [null, -1, 0.5, '0', {}],
    deliveries: [null, -1, 0.5, '0', {}],
    options: [null, 5, 'x', [], true],
    priority: [null, -1, 256, 0.5, '5'],
    key: [null, 5, 'x'.repeat(1001), {}],
    headers: [null, 5, 'x', [], { a: 1 }, { a: null }, { a: {} }, { a: ['x'] }],
    reply: [
      null, true, {}, [], { ...ADDRESS, queue: '' }, { ...ADDRESS, queue: 'a b' }, { ...ADDRESS, queue: 'funq.replies.*' },
      { ...ADDRESS, queue: 'funq.replies.\n' }, { ...ADDRESS, call: '' }, { ...ADDRESS, call: 5 }, { ...ADDRESS, until: '1' },
    ],
    errors: [
      null, {}, 'x', [null], ['x'], [{}], [{ ...ERROR, name: 1 }], [{ ...ERROR, message: null }], [{ ...ERROR, stack: {} }],
      [{ ...ERROR, code: 5 }], [{ ...ERROR, cause: 'x' }], [{ ...ERROR, at: 'now' }], [{ ...ERROR, attempt: 0 }],
      [{ ...ERROR, message: 'x'.repeat(100_001) }], [chain(11)],
    ],
  }; // prettier-ignore
  const table = Object.entries(wrong).flatMap(([field, values]) =>
    values.map((value) => [field, JSON.stringify(value)?.slice(0, 60), value] as const),
  );

  it.each(table)('%s: %s', (field, _shown, value) => {
    expect(code(() => codec.decode(json({ ...GOOD, [field]: value })))).toBe('FUNQ_UNDECODABLE');
  });

  it.each([
    ['all fields', { ...GOOD, origin: 'b', requeues: 0, deliveries: 3, options: { retry: 1 }, priority: 255, key: '', headers: { a: '' }, reply: ADDRESS, errors: [chain(10)] }],
    ['fields of a later version', { ...GOOD, trace: { id: [1, { a: null }] }, x: 'y' }],
  ])('but %s are read, and kept', (_name, envelope) => {
    expect(codec.decode(json(envelope))).toStrictEqual(envelope);
    expect(JSON.parse(Buffer.from(codec.encode(codec.decode(json(envelope)))).toString())).toStrictEqual(envelope);
  }); // prettier-ignore
});

describe('a tag that is malformed', () => {
  it.each([
    '{"$date":"yesterday"}', '{"$date":5}', '{"$date":null}', '{"$bigint":"1.5"}', '{"$bigint":"0x10"}', '{"$bigint":""}', '{"$bigint":5}',
    `{"$bigint":"${'9'.repeat(10_001)}"}`, '{"$number":"1"}', '{"$number":"__proto__"}', '{"$number":null}', '{"$bytes":5}', '{"$bytes":{}}',
    '{"$map":{}}', '{"$map":[1]}', '{"$map":[[1]]}', '{"$map":[[1,2,3]]}', '{"$map":["ab"]}', '{"$set":"ab"}', '{"$set":null}', '{"$url":"no url"}',
    '{"$url":5}', '{"$array":[]}', '{"$array":["Array","AA=="]}', '{"$array":["constructor","AA=="]}', '{"$array":["__proto__","AA=="]}',
    '{"$array":["Float64Array","AA=="]}', '{"$array":["Int8Array",5]}', '{"$array":"Int8Array"}', '{"$literal":5}', '{"$literal":[]}', '{"$literal":null}',
  ])('%s', (text) => {
    expect(code(() => codec.decode(args(text)))).toBe('FUNQ_UNDECODABLE');
    expect(code(() => codec.decodeValue(Buffer.from(text)))).toBe('FUNQ_UNDECODABLE');
    expect(code(() => codec.decodeReply(Buffer.from(`{"v":1,"call":"c","value":${text}}`)))).toBe('FUNQ_UNDECODABLE');
  }); // prettier-ignore
});

describe('a key that could change what objects are', () => {
  const inside = [
    '{"__proto__":{"polluted":true}}', '{"a":{"__proto__":null}}', '[{"__proto__":1}]', '{"constructor":{"prototype":{"polluted":true}}}',
    '{"$literal":{"__proto__":{"polluted":true}}}', '{"constructor":{"$literal":{"prototype":{"polluted":true}}}}',
    '{"$map":[["a",{"__proto__":1}]]}', '{"$set":[{"__proto__":1}]}', '{"__proto__":{"$date":"2020-01-01"}}', '{"\\u005f_proto__":{"polluted":true}}',
  ] as const; // prettier-ignore
  const fields = [
    '"__proto__":{"polluted":true}', '"__proto__":null', '"constructor":{"prototype":{"polluted":true}}', '"headers":{"__proto__":"x"}',
    '"options":{"__proto__":{"polluted":true}}', '"options":{"retry":{"__proto__":{"times":3}}}', '"errors":[{"name":"","message":"","__proto__":{"polluted":true}}]',
    '"errors":[{"name":"","message":"","cause":{"name":"","message":"","__proto__":{}}}]', '"reply":{"queue":"q","call":"c","until":1,"__proto__":{}}',
    '"other":{"deep":[{"__proto__":{}}]}',
  ] as const; // prettier-ignore

  it.each([...inside.map((text) => [text, args(text)] as const), ...fields.map((text) => [text, raw(text)] as const)])(
    '%s',
    (_text, body) => {
      expect(code(() => codec.decode(body))).toBe('FUNQ_UNDECODABLE');
      const letter = JSON.stringify(LETTER).replace('}', `,"envelope":${body.toString()}}`);
      expect(code(() => codec.decodeDeadLetter(Buffer.from(letter)))).toBe('FUNQ_UNDECODABLE');
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  it('is a harmless name elsewhere', () => {
    const read = codec.decode(args('{"constructor":"x","prototype":1,"toString":2,"hasOwnProperty":3}'));
    expect(Object.keys(read.args[0] as object)).toEqual(['constructor', 'prototype', 'toString', 'hasOwnProperty']);
  });
});

describe('a body', () => {
  it('with any valid byte in a text is read', () => {
    expect(codec.decode(withByte(args('"?"'), 0x7f)).args).toEqual(['\x7f']);
  });
});

describe('a version', () => {
  it.each([2, 3, 1000, Number.MAX_SAFE_INTEGER])('%i is told from garbage, whatever else the message holds', (v) => {
    for (const rest of [GOOD, {}, { args: 'x' }]) {
      expect(code(() => codec.decode(json({ ...rest, v })))).toBe('FUNQ_VERSION_NEWER');
      expect(code(() => codec.decodeReply(json({ ...rest, v })))).toBe('FUNQ_VERSION_NEWER');
      expect(code(() => codec.decodeDeadLetter(json({ ...rest, v })))).toBe('FUNQ_VERSION_NEWER');
    }
  });

  it('that no release can have is garbage', () => {
    expect(code(() => codec.decode(Buffer.from(JSON.stringify(GOOD).replace('"v":1', '"v":1e999'))))).toBe(
      'FUNQ_UNDECODABLE',
    );
  });
});

function chain(length: number): unknown {
  return length === 1 ? ERROR : { ...ERROR, cause: chain(length - 1) };
}
