import { redisError } from './error.js';

const PLAIN_QUEUE = /^[\w.:-]+$/;
/** What may stand in a list of words: printable, no blank. */
const PLAIN_ID = /^[!-~]+$/;

const DEFAULT_NAMESPACE = 'funq';

export function checkedNamespace(namespace = DEFAULT_NAMESPACE): string {
  if (!/[{}]/.test(namespace)) return namespace;
  throw redisError('FUNQ_REDIS_NAMESPACE', `The option 'namespace' is '${namespace}', but must not have braces.`);
}

/** What the keys of a queue begin with. The braces are there for Redis Cluster, which keeps together what has the same in them. */
export function queueKey(namespace: string, queue: string): string {
  return `${namespace}:{${PLAIN_QUEUE.test(queue) ? queue : encodeURIComponent(Buffer.from(queue).toString())}}`;
}

/** An id as a word; different ids are different words. */
export function idWord(id: string): string {
  return PLAIN_ID.test(id) && !id.startsWith('%') ? id : `%${Buffer.from(id).toString('base64')}`;
}
