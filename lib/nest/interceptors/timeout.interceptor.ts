import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { FunqTimeoutError } from '../../core/errors.js';
import { FUNQ_CLOCK } from '../funq.tokens.js';
import { Control } from './control.js';

/**
 * Ends a run that takes too long: its signal aborts, the run fails, the slot is free. The function itself is abandoned, not
 * killed: what it does afterwards is ignored and told as `late`.
 */
@Injectable()
export class TimeoutInterceptor extends Control {
  constructor(@Inject(FUNQ_CLOCK) private readonly clock: Clock) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.timeout !== undefined;
  }

  around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const ms = task.policy.timeout!;
    return new Promise((resolve, reject) => {
      let over = false;
      const cancel = this.clock.after(
        ms,
        () => {
          over = true;
          const error = new FunqTimeoutError(task.policy.handler, ms);
          task.abandon(error);
          reject(error);
        },
        true,
      );
      const settled = <T>(settle: (outcome: T) => void, late: (outcome: T) => void) => {
        return (outcome: T): void => {
          cancel();
          if (over) late(outcome);
          else settle(outcome);
        };
      };
      next().then(
        settled(resolve, (value) => task.late({ value })),
        settled(reject, (error: unknown) => task.late({ error })),
      );
    });
  }
}
