import { describe, expect, it } from 'vitest';
import { describe as describeOptions, readOptions } from '../../chaos/options.js';

const TABLE = {
  broker: { about: 'what carries', fallback: 'sqlite', of: ['sqlite', 'redis'] },
  tasks: { about: 'how many', from: 1, to: 100 },
} as const;

describe('the command line of the rig', () => {
  it('reads what is given and falls back where it can', () => {
    expect(readOptions(['--tasks', '7'], TABLE)).toEqual({ broker: 'sqlite', tasks: 7 });
    expect(readOptions(['--broker=redis'], TABLE)).toEqual({ broker: 'redis', tasks: undefined });
    expect(readOptions(['--help', '--tasks', 'x'], TABLE)).toBeUndefined();
  });

  it.each([
    [['--broker', 'kafka'], "--broker 'kafka' is not known; there are: sqlite, redis"],
    [['--tasks', '0'], "--tasks must be a number from 1 to 100, not '0'"],
    [['--tasks', ''], "--tasks must be a number from 1 to 100, not ''"],
    [['--bogus'], "Unknown option '--bogus'"],
    [['surplus'], "Unexpected argument 'surplus'"],
  ])('refuses %j', (argv, message) => {
    expect(() => readOptions(argv, TABLE)).toThrow(message);
  });

  it('says what there is', () => {
    expect(describeOptions(TABLE)).toContain('--tasks      how many (1 to 100)');
    expect(describeOptions(TABLE)).toContain('(sqlite, redis; default sqlite)');
  });
});
