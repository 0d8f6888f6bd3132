import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { CoordinationStore } from '../../contracts/stores.js';
import type { Task } from '../../contracts/task.js';
import { Events } from '../../core/events.js';
import { Gcra } from '../../core/gcra.js';
import { FUNQ_CLOCK, getStoreToken } from '../funq.tokens.js';
import { Presence } from '../presence.js';
import { Control } from './control.js';

/** Gives each run, retries too, its start on an absolute schedule, and waits for it in the task's slot. */
@Injectable()
export class RateLimitInterceptor extends Control {
  readonly #local: Gcra;

  constructor(
    @Inject(FUNQ_CLOCK) clock: Clock,
    @Optional() @Inject(getStoreToken('coordination')) private readonly store: CoordinationStore,
    private readonly presence: Presence,
    private readonly events: Events,
  ) {
    super();
    this.#local = new Gcra(clock);
  }

  appliesTo(policy: Policy): boolean {
    return policy.rate !== undefined;
  }

  async around(task: Task, next: () => Promise<unknown>): Promise<unknown> {
    const wait = await this.#reserve(task);
    if (wait > 0 && !(await task.wait(wait))) {
      task.release();
      return undefined;
    }
    return next();
  }

  async #reserve(task: Task): Promise<number> {
    const { interval, burst, scope, key } = task.policy.rate!;
    const queue = `${task.policy.broker}/${task.queue}`;
    const name = key ? `${queue}:${key(...(task.args as never[]))}` : queue;
    if (scope === 'process') return this.#local.reserve(name, interval, burst);
    try {
      return await this.store.reserve(name, interval, burst, 1);
    } catch (error) {
      this.events.emit('storeError', { store: this.store.kind, error });
      // Without the store each process keeps to its share, so that together they stay within the limit.
      return this.#local.reserve(name, interval * this.presence.processes, 1);
    }
  }
}
