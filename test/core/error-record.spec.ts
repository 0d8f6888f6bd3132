import { JsonCodec, type ErrorRecord } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { recordError } from '../../lib/core/error-record.js';
import { NASTY } from '../bad-input/nasty.js';

const codec = new JsonCodec();

function depth({ cause }: ErrorRecord): number {
  return cause ? 1 + depth(cause) : 1;
}

describe('an error as data', () => {
  it.each(NASTY)('of %s stays within its bounds and can be sent', (_name, make, text) => {
    const record = recordError(make(), { at: 5, attempt: 2 });
    expect(record).toMatchObject({ at: 5, attempt: 2, name: expect.any(String), message: expect.any(String) });
    expect(record.message).toContain(text);
    for (let each: ErrorRecord | undefined = record; each; each = each.cause) {
      expect(each.message.length).toBeLessThanOrEqual(8192);
      expect(each.stack?.length ?? 0).toBeLessThanOrEqual(16_384);
      expect(each.name.length).toBeLessThanOrEqual(250);
    }
    expect(depth(record)).toBeLessThanOrEqual(5);
    const reply = { v: 1, call: 'c', error: record };
    expect(codec.decodeReply(codec.encodeReply(reply))).toEqual(reply);
  });

  it('keeps name, code, stack and five levels of causes', () => {
    const links = Array.from({ length: 8 }, (_, n) => n);
    const error = links.reduceRight<Error | undefined>(
      (cause, n) => new RangeError(`${n}`, cause && { cause }),
      undefined,
    );
    const record = recordError(Object.assign(error!, { code: 'E_FAR' }));
    expect(record).toMatchObject({
      name: 'RangeError',
      message: '0',
      code: 'E_FAR',
      stack: expect.stringContaining('RangeError: 0'),
    });
    expect(record.cause?.cause?.cause?.cause).toMatchObject({ message: '4' });
    expect(depth(record)).toBe(5);
  });

  it('takes the first of several errors for the cause', () => {
    expect(recordError(new AggregateError([new Error('first'), new Error('second')], 'all')).cause?.message).toBe(
      'first',
    );
  });

  it.each([
    ['message', 8000],
    ['stack', 16_000],
    ['name', 200],
    ['code', 200],
  ] as const)('tells how much of a long %s was cut', (key, limit) => {
    const record = recordError(Object.assign(new Error('x'), { [key]: 'y'.repeat(1_000_000) }));
    expect(record[key]).toBe(`${'y'.repeat(limit)}… (1000000 characters)`);
    expect(recordError(Object.assign(new Error('x'), { [key]: 'y'.repeat(limit) }))[key]).toBe('y'.repeat(limit));
  });
});
