import type { OnApplicationShutdown, OnModuleDestroy, Type } from '@nestjs/common';
import type { Duration } from '../../contracts/policy.js';
import { FunqError } from '../../core/errors.js';
import { milliseconds } from '../../core/options/duration.js';
import { OptionReader } from '../../core/options/options.js';
import { SystemClock } from '../../core/system-clock.js';
import type { ConsumerCatalog } from '../../nest/consuming/consumer.catalog.js';
import type { Control } from '../../nest/interceptors/control.js';
import type { Remote, TaskArguments, TaskResultOf } from '../../nest/publishing/typed.publisher.js';
import type { ManualClock } from '../manual-clock.js';
import type { RunRecorder, TaskRun } from './run-recorder.js';
import type { Stepper } from './stepper.js';
import type { PublishedTask, Traffic } from './traffic.js';

/** @publicApi */
export interface DrainOptions {
  /** How far the clock may be moved. Default: `'30d'`. */
  within?: Duration;
  /** How many runs there may be. Default: 10,000. */
  limit?: number;
}

type Arguments<T, M extends keyof T> = T[M] extends (...args: infer A) => unknown ? TaskArguments<A> : never;
type Result<T, M extends keyof T> = T[M] extends (...args: never[]) => infer R ? TaskResultOf<R> : never;
/** The methods of a class that can be tasks. */
type Method<T> = keyof Remote<T> & keyof T & string;

const YEAR = 366 * 86_400_000;

/**
 * A test's hold on an app: moves its clock, waits until its tasks are done, and tells what was published and executed.
 *
 * @publicApi
 */
export class FunqTesting implements OnModuleDestroy, OnApplicationShutdown {
  #closed = false;

  constructor(
    /** Stands still until it is moved. {@link advance} moves it, and waits for what that sets off. */
    readonly clock: ManualClock,
    private readonly stepper: Stepper,
    private readonly traffic: Traffic,
    private readonly recorder: RunRecorder,
    private readonly catalog: ConsumerCatalog,
    private readonly controls: readonly Control[],
  ) {}

  /**
   * Moves time on. Every delay, retry, rate, window, timeout and schedule on the way happens at its own moment, and everything
   * that it sets off is done before time goes on. Real work of handlers is waited for while the clock stands.
   */
  async advance(duration: Duration): Promise<void> {
    const end = this.clock.monotonic() + milliseconds(duration, 'advance()');
    await this.stepper.quiet();
    while (await this.stepper.step(end - this.clock.monotonic()));
    await this.clock.leap(Math.max(0, end - this.clock.monotonic()));
    await this.stepper.quiet();
  }

  /**
   * Resolves when no task that is consumed here waits or runs, and results are saved; moves the clock as far as delays,
   * retries, rates and windows need. Rejects with `FUNQ_NOT_DRAINED`, saying what is left, when that has no end.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const reader = new OptionReader(options, 'drain()').only(['within', 'limit']);
    const limit = reader.integer('limit', 1, 1e9, 10_000);
    const end = this.clock.monotonic() + reader.duration('within', 0, 100 * YEAR, '30d');
    const first = this.recorder.begun;
    await this.stepper.quiet(limit);
    while (this.traffic.unfinished.size > 0) {
      const left = limit - (this.recorder.begun - first);
      if (left <= 0) throw this.#undrained(`after ${limit} runs`);
      if (!(await this.stepper.step(end - this.clock.monotonic(), left)))
        throw this.#undrained('with nothing left to wait for');
    }
    await Promise.all(this.controls.map((control) => control.flush?.()));
  }

  /** The tasks that were published since the last {@link clear}, in order; those of one queue, or of one method. */
  published(queue?: string): readonly PublishedTask[];
  published<T extends object, M extends Method<T>>(type: Type<T>, method: M): readonly PublishedTask<Arguments<T, M>>[];
  published(target?: string | Type, method?: string): readonly PublishedTask[] {
    return this.#of(this.traffic.published, target, method);
  }

  /** The runs since the last {@link clear}, in the order of their start; those of one queue, or of one method. */
  runs(queue?: string): readonly TaskRun[];
  runs<T extends object, M extends Method<T>>(
    type: Type<T>,
    method: M,
  ): readonly TaskRun<Arguments<T, M>, Result<T, M>>[];
  runs(target?: string | Type, method?: string): readonly TaskRun[] {
    return this.#of(this.recorder.runs, target, method);
  }

  /** Forgets what was published and what ran so far. */
  clear(): void {
    this.traffic.clear();
    this.recorder.clear();
  }

  /** Tasks in hand may need time to end, which nobody else would let pass. */
  onModuleDestroy(): void {
    void this.#moveUntilClosed().catch(() => undefined);
  }

  onApplicationShutdown(): void {
    this.#closed = true;
  }

  async #moveUntilClosed(): Promise<void> {
    const real = new SystemClock();
    // What is closed without time passing takes a few turns; what never closes must not keep the process.
    for (let idle = 0; idle < 1000; idle++) {
      await this.stepper.quiet();
      await real.sleep(1);
      if (this.#closed) return;
      if (await this.stepper.step(YEAR)) idle = 0;
    }
  }

  #of<T extends { readonly queue: string }>(all: readonly T[], target?: string | Type, method?: string): readonly T[] {
    if (target === undefined) return [...all];
    const queue = typeof target === 'string' ? target : this.catalog.policyOf(target, method!).queue;
    return all.filter((each) => each.queue === queue);
  }

  #undrained(when: string): FunqError {
    const left = [...this.traffic.unfinished].map(([queue, count]) => `${count} of ${queue}`).join(', ');
    const working = [...this.recorder.working].map(({ handler, id, attempt }) => `${handler} (${id} #${attempt})`);
    const busy = working.length > 0 ? `; at work: ${working.slice(0, 5).join(', ')}` : '';
    return new FunqError(
      'FUNQ_NOT_DRAINED',
      `drain() gave up ${when}, at ${new Date(this.clock.now()).toISOString()}: ${left} unfinished${busy}. A handler may never end, or wait for something that never comes; a later task needs { within }, more of them { limit }`,
    );
  }
}
