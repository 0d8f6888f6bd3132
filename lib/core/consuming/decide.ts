import type { ManagedTask, Settlement } from '../../contracts/task.js';
import { recordError } from '../error-record.js';
import { RequeueError, isA } from '../errors.js';
import { milliseconds } from '../options/duration.js';

const DONE: Settlement = Object.freeze({ kind: 'done' });

/** What becomes of a task whose call has ended: the settlement that was asked for; else done, or dead when it failed. */
export function decide(task: ManagedTask, failure: { readonly error: unknown } | undefined): Settlement {
  if (task.settlement) return task.settlement;
  if (!failure) return DONE;
  const { error } = failure;
  if (isA(error, RequeueError)) {
    if (task.requeues < error.max) return requeue(task, error);
    return { kind: 'dead', code: 'requeued', reason: `requeued ${task.requeues} times: ${error.message}` };
  }
  const { message, code } = recordError(error);
  return { kind: 'dead', code: code === 'FUNQ_TIMEOUT' ? 'timeout' : 'failed', reason: message };
}

function requeue({ policy }: ManagedTask, { delay }: RequeueError): Settlement {
  try {
    return { kind: 'requeue', delay: milliseconds(delay, `${policy.handler}: RequeueError's delay`) };
  } catch (error) {
    return { kind: 'dead', code: 'failed', reason: recordError(error).message };
  }
}
