import { createHash } from 'node:crypto';
import { FunqConfigError } from '../core/errors.js';
import { checkQueueName, isQueueName } from '../core/names.js';

/** Characters of a name that leaves room for the name of its dead letters. */
const LONGEST = 120;
const READABLE = 60;

/**
 * The queue of a pattern, as Nest normalizes it: the pattern itself where it can name a queue; otherwise what can be read of
 * it, and a hash. Throws `FUNQ_QUEUE_NAME` for a pattern or a prefix without any sign, `FUNQ_FEATURE_UNSUPPORTED` for wildcards.
 */
export function patternQueue(route: string, prefix = ''): string {
  if (route === '') return checkQueueName(route, 'a pattern');
  if (isWildcard(route)) throw wildcard(route);
  const name = prefix + route;
  if (isQueueName(name) && name.length <= LONGEST) return name;
  const readable = route.replace(/[^A-Za-z0-9_.]+/g, '-').replace(/^-+|-+$/g, '');
  const hash = createHash('sha256').update(route).digest('base64url').slice(0, 22);
  return checkQueueName(`${prefix}${readable.slice(0, READABLE)}:${hash}`, `the pattern ${route}`);
}

/** What brokers with wildcards take for one: a sign that stands for a part of the pattern. Objects are not parted. */
function isWildcard(route: string): boolean {
  return !route.startsWith('{') && route.split(/[./]/).some((part) => ['*', '#', '>', '+', '**'].includes(part));
}

function wildcard(route: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `the pattern '${route}' has a wildcard, and each pattern is a queue of its own here: name every pattern, as in @EventPattern(['user.created', 'user.removed'])`,
  );
}
