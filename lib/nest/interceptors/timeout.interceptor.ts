import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { Deadlines } from '../../core/deadlines.js';
import { FunqTimeoutError } from '../../core/errors.js';
import { FUNQ_CLOCK } from '../funq.tokens.js';
import { Control } from './control.js';

/**
 * Ends a run that takes too long: its signal aborts, the run fails, the slot is free. The function itself is abandoned, not
 * killed: what it does afterwards is ignored and told as `late`.
 */
@Injectable()
export class TimeoutInterceptor extends Control {
  /** A policy that only one task has goes with it. */
  readonly #byPolicy = new WeakMap<Policy, Deadlines>();

  constructor(@Inject(FUNQ_CLOCK) private readonly clock: Clock) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.timeout !== undefined;
  }

  around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const { policy } = task;
    return new Promise((resolve, reject) => {
      let over = false;
      const abandon = (): void => {
        over = true;
        const error = new FunqTimeoutError(policy.handler, policy.timeout!);
        task.abandon(error);
        reject(error);
      };
      const cancel = this.#deadlines(policy).set(abandon);
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

  #deadlines(policy: Policy): Deadlines {
    let deadlines = this.#byPolicy.get(policy);
    if (!deadlines) this.#byPolicy.set(policy, (deadlines = new Deadlines(this.clock, policy.timeout!)));
    return deadlines;
  }
}
