import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { Events } from '../../core/events.js';
import { PunctualStore } from '../../core/punctual-store.js';
import { Gcra } from '../../core/rates/gcra.js';
import { Limiter } from '../../core/rates/limiter.js';
import type { LineOptions, Reserved } from '../../core/rates/line.js';
import type { Pace } from '../../core/rates/place.js';
import { FUNQ_CLOCK, FUNQ_COORDINATION } from '../funq.tokens.js';
import { missingStore } from '../missing-store.js';
import { ownKey } from '../own-key.js';
import { Presence, consumerKey } from '../presence.js';
import { Control } from './control.js';

/** How late a start may come in one process, in milliseconds, where an interval is shorter. */
const LATE = 10;
/**
 * Between processes nobody sees how late the starts of the others come. So the schedule leaves this part of the limit free, and a
 * process that is late makes up for half of that part of a second at most: two may be late at once, and no second holds more than
 * the limit.
 */
const SPARE = 0.008;
const MADE_UP = SPARE / 2;
const LATE_SHARED = 50;

/** Gives each run, retries too, its start on an absolute schedule, and waits for it in the task's slot. */
@Injectable()
export class RateLimitInterceptor extends Control {
  readonly #limiters = new Map<string, Limiter>();
  /** The store did not answer when it was asked last. */
  #away = false;
  #asking = false;

  constructor(
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    private readonly presence: Presence,
    private readonly events: Events,
  ) {
    super();
    events.on('changed', ({ policy }) => this.#limiters.get(consumerKey(policy))?.replan(policy.rate));
  }

  appliesTo(policy: Policy): boolean {
    return policy.rate !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const rate = task.policy.rate!;
    if (rate.scope !== 'process' && !this.store)
      throw missingStore(task.policy.handler, `rate.scope '${rate.scope}'`, 'coordination');
    const limiter = this.#limiter(task.policy);
    const key = rate.key ? ownKey(task, 'rate', rate.key) : '';
    // Those that come together must stand in line before the next one looks.
    let detour = rate.key ? limiter.detour(task, rate, key) : 0;
    if (typeof detour !== 'number') detour = await detour;
    if (detour > 0) task.defer(detour);
    else if (await limiter.start(task, rate, key)) return next();
    else task.release();
    return undefined;
  }

  #limiter(policy: Policy): Limiter {
    const consumer = consumerKey(policy);
    const found = this.#limiters.get(consumer);
    if (found) return found;
    const name = (key: string, { schedule }: Pace): string => `${consumer}${schedule}${key && `:${key}`}`;
    const limiter = new Limiter({
      clock: this.clock,
      line: (key, scope) => {
        if (scope === 'shared') return this.#shared((pace) => name(key, pace));
        return this.#own(scope === 'split' ? () => this.presence.share(policy) : () => 1);
      },
      ask: (key, rate) =>
        rate.scope === 'shared' ? this.#reserve(name(key, rate), rate, 0).then((told) => told?.wait ?? 0) : undefined,
    });
    this.#limiters.set(consumer, limiter);
    return limiter;
  }

  /** The starts of this process alone: the limit divided by its parts, where they are known. */
  #own(parts: () => number | Promise<unknown>): LineOptions {
    const schedule = new Gcra();
    const { clock } = this;
    const reserve = (pace: Pace, permits: number): Reserved | Promise<Reserved> => {
      const count = parts();
      if (typeof count !== 'number') return count.then(() => reserve(pace, permits));
      const interval = pace.interval * count;
      return { wait: schedule.reserve(clock.monotonic(), interval, pace.burst, permits), interval };
    };
    return {
      clock,
      reserve,
      hurry: ({ interval }) => schedule.hurry(clock.monotonic(), interval),
      tolerance: ({ interval }) => ({ ms: Math.max(interval, LATE), starts: Infinity }),
    };
  }

  /** The starts of all processes together. */
  #shared(name: (pace: Pace) => string): LineOptions {
    const { clock } = this;
    const alone = new Gcra();
    return {
      clock,
      reserve: async (pace, permits) => {
        const reserved = await this.#reserve(name(pace), pace, permits);
        if (reserved) return reserved;
        // Without the store each process keeps to its share, so that together they stay within the limit.
        const interval = pace.interval * this.presence.processes;
        return { wait: alone.reserve(clock.monotonic(), interval, 1, permits), interval };
      },
      tolerance: ({ interval, burst }) => ({
        ms: Math.max(interval, LATE_SHARED),
        starts: Math.max(burst, Math.floor((MADE_UP * 1000) / interval)),
      }),
    };
  }

  /** `undefined` without the store. Once it has failed nobody waits for it: it is asked beside what goes on without it. */
  async #reserve(name: string, pace: Pace, permits: number): Promise<Reserved | undefined> {
    const interval = pace.interval * (1 + SPARE);
    if (!this.#away) {
      const wait = await this.#ask(name, interval, pace.burst, permits);
      return wait === undefined ? undefined : { wait, interval };
    }
    if (!this.#asking) {
      this.#asking = true;
      void this.#ask(name, interval, pace.burst, 0).then(() => (this.#asking = false));
    }
    return undefined;
  }

  async #ask(name: string, interval: number, burst: number, permits: number): Promise<number | undefined> {
    const store = this.store!;
    try {
      const wait = await store.reserve(name, interval, burst, permits);
      this.#away = false;
      return wait;
    } catch (error) {
      this.#away = true;
      this.events.emit('storeError', { store: store.kind, error });
      return undefined;
    }
  }
}
