import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { withinRun } from '../../core/consuming/current-task.js';
import type { RunningTask } from '../../core/consuming/running-task.js';
import { managedTaskOf } from '../consuming/param.decorators.js';
import { FUNQ_CONTEXT } from '../funq.tokens.js';

/**
 * A built-in interceptor, and the base of your own: `around` is the whole of it.
 *
 * `next()` runs everything further in, down to the method; it may be called again, which is all that a retry in place is.
 * A control never touches the broker: it returns, throws, or says on the task what shall become of it.
 *
 * @publicApi
 */
export abstract class Control implements NestInterceptor {
  /** Whether the control has anything to do for tasks of this policy. */
  abstract appliesTo(policy: Policy): boolean;
  abstract around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown>;

  /** Writes out what the control has gathered: called when the consumers have stopped. */
  flush?(): Promise<void>;

  /** Used alone, as any interceptor: passes on what is no task, or none of its business. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== FUNQ_CONTEXT) return next.handle();
    const task = managedTaskOf(context);
    if (!this.appliesTo(task.policy)) return next.handle();
    return from(this.around(task, () => withinPresent(task, () => lastValue(next))));
  }
}

/** All of a handler's controls as one interceptor, so that rxjs is paid once whatever their number. */
export class ControlChain implements NestInterceptor {
  /** `controls` outermost first. */
  constructor(private readonly controls: readonly Control[]) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.around(managedTaskOf(context), () => lastValue(next)));
  }

  /** The same without rxjs, for a method that has no other interceptor and no guard. */
  around(task: ManagedTask, next: () => Promise<unknown>, index = 0): Promise<unknown> {
    const control = this.controls[index];
    if (!control) return withinPresent(task, next);
    const inner = (): Promise<unknown> => this.around(task, next, index + 1);
    return control.appliesTo(task.policy) ? control.around(task, inner) : inner();
  }
}

/** What stands further in belongs to the present run, which need not be the one that the call began in. */
function withinPresent(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
  const { rerun, run } = task as RunningTask;
  return rerun ? withinRun(run, next) : next();
}

/** Rejects, as Nest itself does, when an interceptor further in ends without a value. */
function lastValue(next: CallHandler): Promise<unknown> {
  return lastValueFrom(next.handle());
}
