import { createHash } from 'node:crypto';
import { toPlain } from './codec/to-plain.js';

/**
 * A text that equal values share: canonical JSON, hashed when it is long. Values are equal as for Node's `isDeepStrictEqual`: the
 * order of keys, of a map's entries and of a set's members says nothing; 0 and -0, and two ways to write the same text in Unicode,
 * are not the same. What does not travel, such as properties that are `undefined`, counts for nothing.
 */
export function canonicalKey(value: unknown): string {
  const text = JSON.stringify(isFlat(value) ? value : canonical(toPlain(value, 'args')));
  return text.length <= 100 ? text : createHash('sha256').update(text).digest('base64url');
}

/** A list of texts and numbers, as most arguments are: canonical as it is. */
function isFlat(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  for (const item of value) {
    if (typeof item !== 'string' && !(Number.isFinite(item) && !Object.is(item, -0))) return false;
  }
  return true;
}

function canonical(plain: unknown): unknown {
  if (Array.isArray(plain)) return plain.map(canonical);
  if (typeof plain !== 'object' || plain === null) return plain;
  const fields = plain as Record<string, unknown>;
  const [only, ...more] = Object.keys(fields);
  const tag = more.length === 0 ? only : undefined;
  if (tag === '$map' || tag === '$set') return { [tag]: unordered(fields[tag] as unknown[]) };
  // An object that only looks like a tag: what is in it is no tag.
  if (tag === '$literal') return { $literal: sorted(fields['$literal'] as Record<string, unknown>) };
  return sorted(fields);
}

function sorted(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(fields)
      .sort()
      .map((key) => [key, canonical(fields[key])]),
  );
}

function unordered(items: readonly unknown[]): unknown[] {
  const texts = items.map((item) => JSON.stringify(canonical(item)));
  return texts.sort().map((text) => JSON.parse(text) as unknown);
}
