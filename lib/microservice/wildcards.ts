import type { Broker } from '../contracts/broker.js';
import { FunqConfigError } from '../core/errors.js';

/** Signs that stand for a part of a pattern, with one transport or another. */
const SIGNS = ['*', '#', '>', '+', '**'];

/** Refuses a handler's wildcard that means nothing here: `FUNQ_FEATURE_UNSUPPORTED`, or `FUNQ_OPTION_INVALID` for its `prefix`. */
export function checkServed(route: string, prefix: string, { kind, features }: Broker): void {
  if (!isWildcard(route)) return;
  if (!features.wildcards)
    throw unsupported(
      route,
      `and each pattern is a queue of its own on this broker (${kind}): name every pattern, as in @EventPattern(['user.created', 'user.removed']), or use one with wildcards, as rabbitmq({ wildcards: true }) is`,
    );
  const [first = '', ...others] = route.split('.');
  if ([first, ...others].some((word) => !isSign(word) && isWildcard(word)))
    throw unsupported(route, "of another kind: write '*' for one word and '#' for any number, with dots between words");
  if (isSign(first) && prefix !== '' && !prefix.endsWith('.'))
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `the pattern '${route}' begins with a wildcard, which must be a word by itself: end the prefix '${prefix}' with a dot, in services and clients`,
    );
}

/** Refuses to send to a wildcard: `FUNQ_FEATURE_UNSUPPORTED`. */
export function checkSent(route: string): void {
  if (isWildcard(route))
    throw unsupported(route, 'and a message has one name: send it by that, and handlers with wildcards get it');
}

/** A part that is such a sign. Objects are not parted. */
function isWildcard(route: string): boolean {
  return !route.startsWith('{') && route.split(/[./]/).some((part) => SIGNS.includes(part));
}

const isSign = (word: string): boolean => word === '*' || word === '#';

function unsupported(route: string, why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_FEATURE_UNSUPPORTED', `the pattern '${route}' has a wildcard, ${why}`);
}
