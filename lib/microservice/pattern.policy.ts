import { isDeepStrictEqual } from 'node:util';
import type { MessageHandler } from '@nestjs/microservices';
import type { ConsumerOptions, Policy } from '../contracts/policy.js';
import { FunqConfigError } from '../core/errors.js';
import { createPolicy } from '../core/options/policy.js';
import { patternQueue } from './pattern.queue.js';

/** What belongs to the pattern, or to modules. */
const NOT_HERE = ['queue', 'broker', 'group', 'schedule'];

/**
 * The policy of a pattern: its handler's `extras` over the server's defaults. A request has no dead letters where nothing is
 * said of them, because its caller hears of the failure. Throws what can't work: `FUNQ_OPTION_INVALID`, `FUNQ_QUEUE_NAME`.
 */
export function patternPolicy(
  pattern: string,
  handler: MessageHandler,
  defaults: ConsumerOptions = {},
  prefix = '',
): Policy {
  const name = `pattern ${pattern}`;
  const extras = extrasOf(name, handler);
  const wrong = NOT_HERE.find((key) => key in extras);
  if (wrong !== undefined) throw invalid(name, `${wrong} can't be an option of a pattern; see @Consumer()`);
  const deadLetter = handler.isEventHandler ? {} : { deadLetter: false };
  return createPolicy(name, { ...extras, queue: patternQueue(pattern, prefix) }, { ...deadLetter, ...defaults });
}

/** Several methods may handle one event; they run together as one task. */
function extrasOf(name: string, handler: MessageHandler): ConsumerOptions {
  const all: object[] = [];
  for (let each: MessageHandler | undefined = handler; each; each = each.next as MessageHandler | undefined)
    if (Object.keys(each.extras ?? {}).length > 0) all.push(each.extras!);
  const [first = {}, ...others] = all;
  if (others.every((extras) => isDeepStrictEqual(extras, first))) return first;
  throw invalid(
    name,
    'its handlers run as one task, but have options that differ; give them to one, or the same to all',
  );
}

function invalid(name: string, why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `${name}: ${why}`);
}
