import type { Task } from '../contracts/task.js';
import { FunqConfigError } from '../core/errors.js';

/** What a consumer's own `key` function makes of a task. Throws unless it is a text: all others would be taken for equal. */
export function ownKey(task: Task, option: 'filter' | 'rate', key: (...args: never[]) => string): string {
  const made: unknown = key(...(task.args as never[]));
  if (typeof made === 'string' && made !== '') return made;
  throw new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    `${task.policy.handler}: ${option}.key() must return a text that is not empty, and returned ${made === '' ? 'an empty one' : typeof made}`,
  );
}
