import type { Clock } from '../../contracts/clock.js';
import type { ManagedTask, Settlement, Task } from '../../contracts/task.js';
import { RequeueError, isA } from '../../core/errors.js';
import type { Events } from '../../core/events.js';
import { Control } from '../../nest/interceptors/control.js';
import type { Pulse } from './pulse.js';

export type RunOutcome = 'running' | 'done' | 'failed' | 'retried' | 'requeued' | 'discarded' | 'dead';

/** One run of a task. Times are milliseconds since the epoch, on the test's clock. @publicApi */
export interface TaskRun<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /** The task's id. */
  readonly id: string;
  readonly queue: string;
  /** `ClassName.methodName`. */
  readonly handler: string;
  readonly args: A;
  /** Number of the run, from 1. */
  readonly attempt: number;
  /** How the run ended: `'failed'` also when it took too long or a guard refused it, the rest as the handler asked for. */
  readonly outcome: RunOutcome;
  /** What the method returned. */
  readonly value?: R;
  /** What the run failed with. */
  readonly error?: unknown;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

type Entry = { -readonly [K in keyof TaskRun]: TaskRun[K] };

/** Notes each run, from where every other control lies outside. */
export class RunRecorder extends Control {
  #runs: Entry[] = [];
  readonly #latest = new WeakMap<Task, Entry>();
  readonly #working = new Set<Entry>();
  /** How many runs began so far. */
  begun = 0;

  constructor(
    private readonly clock: Clock,
    private readonly pulse: Pulse,
  ) {
    super();
  }

  get runs(): readonly TaskRun[] {
    return this.#runs;
  }

  /** Runs whose method has not ended and was not given up. */
  get working(): ReadonlySet<TaskRun> {
    return this.#working;
  }

  clear(): void {
    this.#runs = [];
  }

  /** Failures outside the method: a timeout gives the run up, a guard refuses it before it began. */
  listen(events: Events): void {
    events.on('failed', ({ task, error }) => {
      const latest = this.#latest.get(task);
      const run = latest?.attempt === task.attempt ? latest : this.#begin(task);
      if (run.outcome === 'running') this.#end(run, 'failed', { error });
    });
  }

  appliesTo(): boolean {
    return true;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const run = this.#begin(task);
    try {
      const value = await next();
      this.#end(run, outcomeOf(task.settlement), { value });
      return value;
    } catch (error) {
      this.#end(run, isA(error, RequeueError) ? 'requeued' : 'failed', { error });
      throw error;
    }
  }

  #begin(task: Task): Entry {
    const { id, queue, args, attempt, policy } = task;
    const startedAt = this.clock.now();
    const run: Entry = {
      id,
      queue,
      handler: policy.handler,
      args,
      attempt,
      outcome: 'running',
      startedAt,
      endedAt: undefined,
    };
    this.begun++;
    this.#runs.push(run);
    this.#latest.set(task, run);
    this.#working.add(run);
    this.pulse.beat();
    return run;
  }

  #end(run: Entry, outcome: RunOutcome, result: { value: unknown } | { error: unknown }): void {
    if (!this.#working.delete(run)) return;
    Object.assign(run, { outcome, endedAt: this.clock.now() }, result);
    this.pulse.beat();
  }
}

const OUTCOMES = { retry: 'retried', requeue: 'requeued', discard: 'discarded', dead: 'dead' } as const;

function outcomeOf(settlement: Settlement | undefined): RunOutcome {
  return OUTCOMES[settlement?.kind as keyof typeof OUTCOMES] ?? 'done';
}
