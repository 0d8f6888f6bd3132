import { FunqConfigError } from '../errors.js';
import { show } from './show.js';

/**
 * Checks a queue's name: 1 to 128 letters, digits, `.`, `:`, `_` or `-`. Brokers give other signs a meaning of their own
 * (`*`, `>`, `#`, `{}`, quotes), so a name that works on one broker works on all. Throws `FUNQ_QUEUE_NAME`.
 */
export function checkQueueName(name: unknown, where: string): string {
  if (isQueueName(name)) return name;
  throw new FunqConfigError(
    'FUNQ_QUEUE_NAME',
    `${where}: ${show(name)} can't name a queue; use 1 to 128 letters, digits, '.', ':', '_' or '-'`,
  );
}

export function isQueueName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9_.:-]{1,128}$/.test(name);
}
