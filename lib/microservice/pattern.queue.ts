import { createHash } from 'node:crypto';
import { checkQueueName, isQueueName } from '../core/options/names.js';

/** Characters of a name that leaves room for the name of its dead letters. */
const LONGEST = 120;
const READABLE = 60;

/**
 * The queue of a pattern, as Nest normalizes it: the pattern itself where it can name a queue; otherwise what can be read of
 * it, and a hash, as of one with wildcards. Throws `FUNQ_QUEUE_NAME` for a pattern without any sign, or a prefix with a wrong one.
 */
export function patternQueue(route: string, prefix = ''): string {
  if (route === '') return checkQueueName(route, 'a pattern');
  const name = prefix + route;
  if (isQueueName(name) && name.length <= LONGEST) return name;
  const readable = route.replace(/[^A-Za-z0-9_.]+/g, '-').replace(/^-+|-+$/g, '');
  const hash = createHash('sha256').update(route).digest('base64url').slice(0, 22);
  return checkQueueName(`${prefix}${readable.slice(0, READABLE)}:${hash}`, `the pattern ${route}`);
}

/** What the pattern's words are, where messages are spread by them: a text with its prefix, and of an object the queue's name. */
export function patternKey(route: string, prefix: string): string {
  return route.startsWith('{') ? patternQueue(route, prefix) : prefix + route;
}
