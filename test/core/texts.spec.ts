import { FunqConfigError } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../lib/core/options/duration.js';
import { checkQueueName, isQueueName } from '../../lib/core/options/names.js';
import { OptionReader } from '../../lib/core/options/options.js';
import { show } from '../../lib/core/options/show.js';
import { TimeWindow } from '../../lib/core/consuming/window.js';

/** The texts that users write in options: what they mean, what is refused, and that no text takes long. */

function refused(read: () => unknown): FunqConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof FunqConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a duration', () => {
  it.each([
    [0, 0], [0.5, 0.5], [1500, 1500], ['0ms', 0], ['500ms', 500], ['1s', 1000], ['1.5m', 90_000], ['2h', 7_200_000], ['7d', 604_800_000],
    ['0.25s', 250], ['007s', 7000], ['36600d', 36_600 * 86_400_000],
  ] as const)('%s is %d ms', (text, ms) => {
    expect(milliseconds(text, 'x')).toBe(ms);
  }); // prettier-ignore

  it.each([
    '', ' ', '10', '10 s', ' 10s', '10s ', '10S', '10sec', '10 seconds', 's', 'ms', '.5s', '5.s', '1.2.3s', '-1s', '+1s', '1e3s', '0x10s', '١s', '10s\n', '1,5s', '1h30m',
    'Infinitys', 'NaN', '1w', '1y', '1µs', '10s;', 'P1D', '00:10', '9'.repeat(21), `${'0'.repeat(20)}1s`, `${'9'.repeat(400)}d`, NaN, Infinity, -1, -0.001, null, undefined, true, {}, [], ['10s'],
    () => 1, Symbol('10s'), 10n, new Date(), Object.create(null), { valueOf: () => 5 },
  ])('is never %o', (value) => {
    const error = refused(() => milliseconds(value as string, 'Weather.forecast: timeout'));
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toMatch(/^Weather\.forecast: timeout is .+ which is no duration: give .*'10s'/);
    expect(error.message.length).toBeLessThan(300);
  }); // prettier-ignore
});

describe('a queue', () => {
  it.each(['a', '0', '_', '-', '.', ':', 'A.b_c-d:e', '__proto__', 'Weather.forecast', 'x'.repeat(128)])(
    'may be named %s',
    (name) => {
      expect(checkQueueName(name, 'x')).toBe(name);
      expect(isQueueName(name)).toBe(true);
    },
  );

  it.each([
    '', ' ', 'a b', 'x'.repeat(129), 'a/b', 'a\\b', '*', '>', '#', '+', '{a}', '$a', '@', '!', '~', 'a,b', "'", '"', '`', ';', '%', '&', '=', '?', '|', '<a>', '(a)', '[a]',
    '\n', 'a\n', '\na', '\0', 'a\u2028', 'ａ', 'é', 'а', '数据', '🧵', null, undefined, 5, NaN, true, {}, [], ['a'], () => 'a', Symbol('a'), 5n, Object.create(null),
  ])('is never named %o', (name) => {
    const error = refused(() => checkQueueName(name, 'Weather.forecast'));
    expect(error.code).toBe('FUNQ_QUEUE_NAME');
    expect(error.message).toMatch(/^Weather\.forecast: .+ can't name a queue; use 1 to 128 letters/s);
    expect(isQueueName(name)).toBe(false);
  }); // prettier-ignore
});

describe('a window', () => {
  const at = (text: string): number => Date.parse(`2026-03-02T${text}:00Z`); // a Monday
  it.each([
    ['08:00-18:00', '07:59', false], ['08:00-18:00', '08:00', true], ['08:00-18:00', '17:59', true], ['08:00-18:00', '18:00', false],
    ['22:00-06:00', '23:00', true], ['22:00-06:00', '05:59', true], ['22:00-06:00', '06:00', false], ['22:00-06:00', '12:00', false],
    ['00:00-24:00', '23:59', true], ['8:00-9:00', '08:30', true], [' 08:00 - 18:00 ', '12:00', true], ['* 9 * * MON', '09:30', true],
    ['* 9 * * TUE', '09:30', false], ['*/30 * * * *', '10:30', true], ['*/30 * * * *', '10:31', false], ['* * L * *', '10:00', false],
  ] as const)('of %s is open at %s: %s', (allow, time, open) => {
    expect(new TimeWindow({ allow: [allow], deny: [], timeZone: 'UTC' }).isOpen(at(time))).toBe(open);
    expect(new TimeWindow({ allow: [], deny: [allow], timeZone: 'UTC' }).isOpen(at(time))).toBe(!open);
  }); // prettier-ignore

  it.each([
    '', ' ', 'always', '8-18', '08:00', '08:00-', '-08:00', '08:00-08:00', '24:00-08:00', '08:00-24:01', '08:60-09:00', '08:00–18:00', '08:00-18:00-20:00', '8h-18h',
    '08:00:00-18:00:00', '* * *', '* * * *', '* * * * * *', '60 * * * *', '* 24 * * *', '* * 32 * *', '* * 0 * *', '* * * 13 *', '* * * 0 *', '* * * * 8', '* * * * XYZ',
    '*/0 * * * *', '*/61 * * * *', '5-1 * * * *', '1-2-3 * * * *', '1,,2 * * * *', 'a * * * *', '@daily', '@reboot', '0 0 30 2 *', '0 0 31 2,4,6,9,11 *', '* * * * MON#6', '٠ * * * *',
  ])('is never %s', (text) => {
    for (const key of ['allow', 'deny'] as const) {
      const error = refused(() => new TimeWindow({ allow: [], deny: [], timeZone: 'UTC', [key]: [text] }, 'Weather.forecast: window'));
      expect(error.code).toBe('FUNQ_OPTION_INVALID');
      expect(error.message.startsWith(`Weather.forecast: window.${key} is ${JSON.stringify(text)}`)).toBe(true);
    }
  }); // prettier-ignore

  it.each(['', 'Mars/Base', 'UTC+25', 'Europe', '../UTC', '🧵', 'Europe/Berlin\n'])(
    'has no time zone %j',
    (timeZone) => {
      const error = refused(() => new TimeWindow({ allow: ['08:00-18:00'], deny: [], timeZone }, 'x'));
      expect(error).toMatchObject({
        code: 'FUNQ_OPTION_INVALID',
        message: expect.stringMatching(/^x\.timeZone is .* no IANA time zone/),
      });
    },
  );
});

describe('a text of 100 kB', () => {
  const many = (text: string): string => text.repeat(100_000 / text.length);
  const window = (text: string) => () => new TimeWindow({ allow: [text], deny: [], timeZone: 'UTC' });
  const long: readonly (readonly [string, () => unknown])[] = [
    ...['9', '1.', ' ', 's', '9.9', '1e', '\n', '-'].map((text) => [`duration ${JSON.stringify(text)}`, () => milliseconds(many(text), 'x')] as const),
    ...['a', 'a ', '.', '\n', 'é', '{'].map((text) => [`name ${JSON.stringify(text)}`, () => checkQueueName(many(text), 'x')] as const),
    ...['1', ' ', '*', '-', ',', '/', '0,', '0-59,', '*/1,', '1-', 'L', '#', 'MON,', ':', '08:00-', '\t', '\u00a0'].flatMap((text) => [
      [`window ${JSON.stringify(text)}`, window(many(text))] as const,
      [`window ${JSON.stringify(text)} of minutes`, window(`${many(text)} * * * *`)] as const,
      [`window ${JSON.stringify(text)} of weekdays`, window(`* * * * ${many(text)}`)] as const,
      [`window 08:00${JSON.stringify(text)}`, window(`08:00${many(text)}-18:00`)] as const,
      [`window 08:00-18:00${JSON.stringify(text)}x`, window(`08:00-18:00${many(text)}x`)] as const,
    ]),
    ['text', () => new OptionReader({ key: many('a') }, 'x').text('key')],
    ['text of halves', () => new OptionReader({ key: many('\ud800') }, 'x').text('key')],
    ['key', () => new OptionReader({ [many('a')]: 1 }, 'x').only(['b'])],
  ]; // prettier-ignore

  it.each(long)('takes no time: %s', (_name, read) => {
    const started = performance.now();
    let message = '';
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(FunqConfigError);
      ({ message } = error as Error);
    }
    // Ten times what they take; a pattern that backtracks takes minutes.
    // A pattern that backtracks takes minutes; a busy machine does not.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(message.length).toBeLessThan(500);
  });
});

describe('a value in a message', () => {
  it.each([
    ['x'.repeat(100), `"${'x'.repeat(60)}"`], ['"\n', '"\\"\\n"'], [5, '5'], [NaN, 'NaN'], [-0, '0'], [true, 'true'], [undefined, 'undefined'], [null, 'null'],
    [10n ** 1000n, 'a bigint'], [Symbol('x'.repeat(100)), 'a symbol'], [() => 1, 'a function'], [[], 'a list'], [{}, 'an object'], [Object.create(null), 'an object'],
    [{ toString: () => { throw new Error('never called'); } }, 'an object'],
  ])('%o', (value, text) => {
    expect(show(value)).toBe(text);
  }); // prettier-ignore
});
