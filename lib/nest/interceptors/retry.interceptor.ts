import { HttpException, Injectable } from '@nestjs/common';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { backoff } from '../../core/backoff.js';
import { DeadLetterError, FunqConfigError, RequeueError, isA } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { Control } from './control.js';

/** A longer wait than this frees the slot: the task goes back to the broker with a delay. */
const IN_PLACE = 1000;
/** HTTP errors of the 400 range that may pass by themselves. */
const PASSING = [408, 429];

/** Runs a failed task again: at once or after a short wait in place, otherwise through the broker. */
@Injectable()
export class RetryInterceptor extends Control {
  constructor(private readonly events: Events) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.retry !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const retry = task.policy.retry!;
    for (;;) {
      try {
        return await next();
      } catch (error) {
        if (!this.#again(task, error)) throw error;
        task.failed(error, true);
        const wait = backoff(task.attempt, retry);
        if (wait > IN_PLACE || (wait > 0 && !(await task.wait(wait)))) {
          task.retry(wait);
          return undefined;
        }
        task.nextAttempt();
      }
    }
  }

  #again(task: ManagedTask, error: unknown): boolean {
    const { times, when } = task.policy.retry!;
    if (task.settlement || task.interrupted || task.attempt > times) return false;
    if (isA(error, RequeueError) || isA(error, DeadLetterError)) return false;
    return when ? this.#asked(task, error, when) : isPassing(error);
  }

  /** A `when` that throws has no opinion: the task fails with what it failed with, and the mistake is told. */
  #asked(task: ManagedTask, error: unknown, when: (error: unknown, attempt: number) => boolean): boolean {
    try {
      return when(error, task.attempt);
    } catch (mistake) {
      this.events.emit('optionFailed', { task, option: 'retry.when', error: mistake });
      return false;
    }
  }
}

/** A request that was wrong stays wrong, and so does a set-up: guards and pipes answer with such errors. */
function isPassing(error: unknown): boolean {
  if (isA(error, FunqConfigError)) return false;
  if (!isA(error, HttpException)) return true;
  const status = error.getStatus();
  return status < 400 || status >= 500 || PASSING.includes(status);
}
