import { createHash } from 'node:crypto';
import { toPlain } from './codec/to-plain.js';

/** A text that equal values share whatever the order of their keys: canonical JSON, hashed when it is long. */
export function canonicalKey(value: unknown): string {
  const text = JSON.stringify(sorted(toPlain(value, 'args')));
  return text.length <= 100 ? text : createHash('sha256').update(text).digest('base64url');
}

function sorted(plain: unknown): unknown {
  if (Array.isArray(plain)) return plain.map(sorted);
  if (typeof plain !== 'object' || plain === null) return plain;
  const fields = plain as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(fields)
      .sort()
      .map((key) => [key, sorted(fields[key])]),
  );
}
