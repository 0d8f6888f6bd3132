import type { ErrorRecord } from '../contracts/envelope.js';

/** Bounds of a recorded error, so that a history of them fits beside any payload. */
const MESSAGE = 8_000;
const STACK = 16_000;
const DEPTH = 5;

/** Turns whatever was thrown into data. Never throws itself: a thrown value may be anything, also hostile. */
export function recordError(
  thrown: unknown,
  context: { at?: number; attempt?: number } = {},
  depth = DEPTH,
): ErrorRecord {
  const object = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
  if (!object)
    return { name: 'Error', message: cut(`thrown value: ${attempt(() => String(thrown))}`, MESSAGE), ...context };
  const code = text(thrown, 'code', 200);
  const stack = text(thrown, 'stack', STACK);
  const cause = read(thrown, 'cause') ?? first(read(thrown, 'errors'));
  return {
    name: text(thrown, 'name', 200) ?? 'Error',
    message: text(thrown, 'message', MESSAGE) ?? cut(`thrown value: ${attempt(() => JSON.stringify(thrown))}`, MESSAGE),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && cause !== null && depth > 1 && { cause: recordError(cause, {}, depth - 1) }),
    ...context,
  };
}

function text(from: object, key: string, limit: number): string | undefined {
  const value = read(from, key);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? cut(value, limit) : undefined;
}

/** A getter, or a proxy, may throw. */
function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function first(list: unknown): unknown {
  try {
    return Array.isArray(list) ? list[0] : undefined;
  } catch {
    return undefined;
  }
}

function attempt(make: () => string | undefined): string {
  try {
    return make() ?? 'unknown';
  } catch {
    return 'unprintable';
  }
}

function cut(value: string, limit: number): string {
  return value.length <= limit ? value : `${value.slice(0, limit)}… (${value.length} characters)`;
}
