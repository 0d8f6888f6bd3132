import type { Envelope, ErrorRecord } from '../../contracts/envelope.js';
import type { Duration, Policy } from '../../contracts/policy.js';
import type { DiscardStatus, Task } from '../../contracts/task.js';
import { withinRun } from './current-task.js';
import type { RunningTask } from './running-task.js';

/** One run of a task: what its function holds. Fenced, so that a run which was given up can't speak for the next one. */
export class Run implements Task {
  #controller: AbortController | undefined;
  #over = false;

  constructor(
    readonly task: RunningTask,
    readonly attempt: number,
  ) {}

  get id(): string {
    return this.task.id;
  }
  get queue(): string {
    return this.task.queue;
  }
  get args(): readonly unknown[] {
    return this.task.args;
  }
  get requeues(): number {
    return this.task.requeues;
  }
  get redelivered(): number {
    return this.task.redelivered;
  }
  get publishedAt(): number {
    return this.task.publishedAt;
  }
  get headers(): Readonly<Record<string, string>> {
    return this.task.headers;
  }
  get envelope(): Envelope {
    return this.task.envelope;
  }
  get policy(): Policy {
    return this.task.policy;
  }
  get errors(): readonly ErrorRecord[] {
    return this.task.errors;
  }
  /** Made when somebody asks: most functions never do. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  progress(value: unknown): void {
    if (this.#speaks) this.task.progress(value);
  }
  retry(delay?: Duration): void {
    if (this.#speaks) this.task.retry(delay);
  }
  requeue(delay?: Duration): void {
    if (this.#speaks) this.task.requeue(delay);
  }
  discard(reason: string, status?: DiscardStatus, answer?: { readonly value: unknown }): void {
    if (this.#speaks) this.task.discard(reason, status, answer);
  }
  dead(reason: string): void {
    if (this.#speaks) this.task.dead(reason);
  }

  /** Its function is about to be called. Throws when it was given up by then: its task has ended, or goes on in another run. */
  called(): void {
    if (!this.#speaks) throw new Error(`run ${this.attempt} of task ${this.id} on ${this.queue} was given up`);
    this.task.called();
  }

  /** Whoever listens to the signal is told as part of this run, wherever the reason comes from. */
  abort(reason: Error): void {
    withinRun(this, () => (this.#controller ??= new AbortController()).abort(reason));
  }

  /** Nothing that it says counts any more. */
  end(): void {
    this.#over = true;
  }

  get #speaks(): boolean {
    return !this.#over && !this.task.closed;
  }
}
