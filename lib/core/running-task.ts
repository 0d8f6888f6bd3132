import type { Clock } from '../contracts/clock.js';
import type { Delivery } from '../contracts/broker.js';
import type { Envelope, ErrorRecord } from '../contracts/envelope.js';
import type { Policy } from '../contracts/policy.js';
import type { DiscardStatus, Settlement, Task } from '../contracts/task.js';
import { recordError } from './error-record.js';
import { FunqError, RequeueError } from './errors.js';
import type { Events } from './events.js';

/** How many errors a task carries along. */
const HISTORY = 20;

/** What a task needs of the worker that runs it. */
export interface TaskHost {
  readonly clock: Clock;
  readonly events: Events;
  /** Aborts when the worker begins to stop. */
  readonly stopping: AbortSignal;
  /** A task that holds its slot without running: +1 when a wait begins, -1 when it ends. */
  idle(change: 1 | -1): void;
}

/** A {@link Task} in the hands of a worker. */
export class RunningTask implements Task {
  attempt: number;
  /** As they arrived, or as the schema transformed them. */
  args: readonly unknown[];
  settlement: Settlement | undefined;
  /** What the call failed with, noted before exception filters could hide it, and what they made of it for the caller. */
  failure: { readonly error: unknown; readonly shown: unknown } | undefined;
  /** Settled, or taken from us: whatever happens now is late. */
  closed = false;
  interrupted = false;
  readonly startedAt: number;
  #reported = 0;
  #errors: ErrorRecord[] | undefined;
  #controller: AbortController | undefined;

  constructor(
    readonly envelope: Envelope,
    readonly policy: Policy,
    readonly delivery: Delivery,
    private readonly host: TaskHost,
  ) {
    this.attempt = envelope.attempt;
    this.args = envelope.args;
    this.startedAt = host.clock.now();
  }

  get id(): string {
    return this.envelope.id;
  }
  get queue(): string {
    return this.policy.queue;
  }
  get requeues(): number {
    return this.envelope.requeues ?? 0;
  }
  get redelivered(): number {
    return (this.envelope.deliveries ?? 0) + this.delivery.redelivered;
  }
  get publishedAt(): number {
    return this.envelope.publishedAt;
  }
  get headers(): Readonly<Record<string, string>> {
    return this.envelope.headers ?? {};
  }
  get errors(): readonly ErrorRecord[] {
    return this.#errors ?? this.envelope.errors ?? [];
  }
  /** Made when somebody asks: most handlers never do. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  progress(value: unknown): void {
    this.host.events.emit('progress', { task: this, value });
  }

  retry(delay = 0): void {
    this.settlement = { kind: 'retry', delay };
  }
  requeue(delay = 0): void {
    this.settlement = { kind: 'requeue', delay };
  }
  defer(delay: number): void {
    this.settlement = { kind: 'defer', delay };
  }
  release(): void {
    // What earlier runs of this copy came to would be lost with a plain release.
    this.settlement = this.attempt > this.envelope.attempt ? { kind: 'defer', delay: 0 } : { kind: 'release' };
  }
  discard(reason: string, status: DiscardStatus = 'discarded', answer?: { readonly value: unknown }): void {
    this.settlement = { kind: 'discard', reason, status, ...(answer && { answer }) };
  }
  dead(reason: string, code = 'dead'): void {
    this.settlement = { kind: 'dead', reason, code };
  }

  async wait(ms: number): Promise<boolean> {
    const { clock, stopping } = this.host;
    this.host.idle(1);
    const due = clock.monotonic() + ms;
    await clock.sleep(ms, stopping);
    this.host.idle(-1);
    return !stopping.aborted || clock.monotonic() >= due;
  }

  failed(error: unknown, again: boolean): void {
    this.#reported = this.attempt;
    const record = recordError(error, { at: this.host.clock.now(), attempt: this.attempt });
    this.#errors = [...this.errors, record].slice(-HISTORY);
    this.host.events.emit('failed', { task: this, error, again });
  }

  /** Notes how the call ended in failure. The run itself may have been reported by a control already. */
  end(error: unknown): void {
    this.failure = { error: this.failure?.error ?? error, shown: error };
    if (this.settlement || this.interrupted || error instanceof RequeueError || this.#reported === this.attempt) return;
    this.failed(error, false);
  }

  nextAttempt(): void {
    this.attempt++;
    this.#controller = undefined;
  }

  abort(reason: Error): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }

  late(outcome: { readonly value: unknown } | { readonly error: unknown }): void {
    this.host.events.emit('late', { task: this, ...outcome });
  }

  /** The lease is gone: someone else may run the task. */
  lose(): void {
    this.closed = true;
    this.interrupt(
      new FunqError('FUNQ_LEASE_LOST', `the lease of task ${this.id} on ${this.queue} ran out; it may run elsewhere`),
    );
  }

  interrupt(reason: FunqError): void {
    this.interrupted = true;
    this.abort(reason);
  }
}
