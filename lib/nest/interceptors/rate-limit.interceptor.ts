import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { Events } from '../../core/events.js';
import { PunctualStore } from '../../core/punctual-store.js';
import { Gcra } from '../../core/gcra.js';
import { Turns } from '../../core/turns.js';
import { FUNQ_CLOCK, FUNQ_COORDINATION } from '../funq.tokens.js';
import { ownKey } from '../own-key.js';
import { missingStore } from '../missing-store.js';
import { Presence } from '../presence.js';
import { Control } from './control.js';

/** Milliseconds of starts that one process reserves ahead: a reservation is lost when the process ends. */
const AHEAD = 100;
/** Longest wait in a slot for a start under a limit that has keys. */
const IN_PLACE = 1000;
/** Longest sleep before a look whether the rate was changed. */
const LOOK = 500;

/** Gives each run, retries too, its start on an absolute schedule, and waits for it in the task's slot. */
@Injectable()
export class RateLimitInterceptor extends Control {
  readonly #local: Gcra;
  readonly #turns = new Turns();

  constructor(
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    private readonly presence: Presence,
    private readonly events: Events,
  ) {
    super();
    this.#local = new Gcra(clock);
  }

  appliesTo(policy: Policy): boolean {
    return policy.rate !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const { interval, key } = task.policy.rate!;
    const name = this.#name(task);
    const wait = this.#turns.length(name) * interval;
    // One key must not fill every slot: what would start much later goes back until then.
    if (key && wait > IN_PLACE) task.defer(wait);
    else if (await this.#started(task, name)) return next();
    else task.release();
    return undefined;
  }

  /** Waits for a start; false when the process stops first. */
  async #started(task: ManagedTask, name: string): Promise<boolean> {
    const turn = this.#turns.enter(name, Math.ceil(AHEAD / task.policy.rate!.interval));
    try {
      if (turn && !(await task.wait(turn))) return false;
      if (!(await this.#waited(task, await this.#reserve(task, name)))) return false;
    } finally {
      // Whoever left the line early must still pass its turn on when it comes.
      void Promise.resolve(turn).then(() => this.#turns.leave(name));
    }
    task.begin();
    return true;
  }

  /** Waits for a reserved start. When the rate is changed meanwhile, a start on its new schedule takes the place of the old one. */
  async #waited(task: ManagedTask, wait: number): Promise<boolean> {
    let { rate } = task.policy;
    let start = this.clock.monotonic() + wait;
    for (let left = wait; left > 0; left = start - this.clock.monotonic()) {
      if (!(await task.wait(Math.min(left, LOOK)))) return false;
      if (task.policy.rate === rate) continue;
      rate = task.policy.rate;
      start = this.clock.monotonic() + (rate ? await this.#reserve(task, this.#name(task)) : 0);
    }
    return true;
  }

  async #reserve(task: ManagedTask, name: string): Promise<number> {
    const { interval, burst, scope } = task.policy.rate!;
    if (scope === 'process') return this.#local.reserve(name, interval, burst);
    if (!this.store) throw missingStore(task.policy.handler, "rate.scope 'shared'", 'coordination');
    try {
      return await this.store.reserve(name, interval, burst, 1);
    } catch (error) {
      this.events.emit('storeError', { store: this.store.kind, error });
      // Without the store each process keeps to its share, so that together they stay within the limit.
      return this.#local.reserve(name, interval * this.presence.processes, 1);
    }
  }

  #name(task: ManagedTask): string {
    const { key, schedule } = task.policy.rate!;
    return `${task.policy.broker}/${task.queue}${schedule}${key ? `:${ownKey(task, 'rate', key)}` : ''}`;
  }
}
