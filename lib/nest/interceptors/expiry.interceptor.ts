import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { FUNQ_CLOCK } from '../funq.tokens.js';
import { Control } from './control.js';

/** Discards a task that has become too old. Stands twice in the order: when the task is taken up, and after what may wait. */
@Injectable()
export class ExpiryInterceptor extends Control {
  constructor(@Inject(FUNQ_CLOCK) private readonly clock: Clock) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.expire !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const age = this.clock.now() - task.publishedAt;
    if (age <= task.policy.expire!) return next();
    task.discard(`published ${age} ms ago, more than its expire of ${task.policy.expire} ms`, 'expired');
    return undefined;
  }
}
