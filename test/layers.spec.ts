import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { breachesOf } from './layers/checker.js';
import { BREACHES, CLEAN } from './layers/samples.js';

const lib = fileURLToPath(new URL('../lib/', import.meta.url));
const files = existsSync(lib)
  ? readdirSync(lib, { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => file.endsWith('.ts'))
      .toSorted()
  : [];

describe('the layers of the library', () => {
  it('are kept by every file', () => {
    expect(files.flatMap((file) => breachesOf(file, readFileSync(join(lib, file), 'utf8')))).toEqual([]);
  });
});

describe('the checker of the layers', () => {
  it.each(BREACHES)('refuses in $file: $text', ({ file, text, says }) => {
    const breaches = breachesOf(file, text);
    expect(breaches).toHaveLength(1);
    expect(breaches[0]).toContain(says);
    expect(breaches[0]).toMatch(new RegExp(`^${file}:\\d+ `));
  });

  it.each(CLEAN)('accepts in $file: $text', ({ file, text }) => {
    expect(breachesOf(file, text)).toEqual([]);
  });
});
