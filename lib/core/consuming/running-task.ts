import type { Delivery } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Envelope, ErrorRecord } from '../../contracts/envelope.js';
import type { Duration, Policy } from '../../contracts/policy.js';
import type { DiscardStatus, ManagedTask, Settlement } from '../../contracts/task.js';
import { recordError } from '../error-record.js';
import { FunqError, RequeueError, isA } from '../errors.js';
import type { Events } from '../events.js';
import { milliseconds } from '../options/duration.js';
import { Run } from './run.js';

/** How many errors a task carries along. */
const HISTORY = 20;
/** A requeue without a delay would spin. */
const REQUEUE_DELAY = 1000;

/** What a task needs of the worker that runs it. */
export interface TaskHost {
  readonly clock: Clock;
  readonly events: Events;
  /** Aborts when the worker begins to stop. */
  readonly stopping: AbortSignal;
  /** Whether `currentTask()` finds the task. */
  readonly findable: boolean;
  /** The task has got its start. */
  began(): void;
  /** Its function is about to be called, in this run. */
  called(): void;
}

/** A task in the hands of a worker, over all of its runs. */
export class RunningTask implements ManagedTask {
  /** As they arrived, or as the schema transformed them. */
  args: readonly unknown[];
  /** What the function of the current run holds. */
  run: Run;
  settlement: Settlement | undefined;
  /** What the call failed with, noted before exception filters could hide it, and what they made of it for the caller. */
  failure: { readonly error: unknown; readonly shown: unknown } | undefined;
  /** Settled, or taken from us: whatever happens now is late. */
  closed = false;
  interrupted = false;
  /** Got a start at least once, or waits for something else. */
  begun = false;
  /** The latest run in which the function was called. */
  ran = 0;
  parts?: number;
  /** On the monotonic clock. */
  readonly startedAt: number;
  #reported = 0;
  #errors: ErrorRecord[] | undefined;
  /** Ends a wait before its time. */
  #wake: (() => void) | undefined;

  constructor(
    readonly envelope: Envelope,
    /** Changes, when the consumer's does, until the function is called. */
    public policy: Policy,
    readonly delivery: Delivery,
    private readonly host: TaskHost,
  ) {
    this.args = envelope.args;
    this.run = new Run(this, envelope.attempt);
    this.startedAt = host.clock.monotonic();
  }

  get id(): string {
    return this.envelope.id;
  }
  get queue(): string {
    return this.policy.queue;
  }
  get attempt(): number {
    return this.run.attempt;
  }
  get signal(): AbortSignal {
    return this.run.signal;
  }
  /** Runs again in place: the present run is not the one that the call began in. */
  get rerun(): boolean {
    return this.run.attempt > this.envelope.attempt;
  }
  get findable(): boolean {
    return this.host.findable;
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

  progress(value: unknown): void {
    this.host.events.emit('progress', { task: this, value });
  }

  retry(delay: Duration = 0): void {
    this.settlement = { kind: 'retry', delay: milliseconds(delay, `${this.policy.handler}: retry()`) };
  }
  requeue(delay: Duration = REQUEUE_DELAY): void {
    this.settlement = { kind: 'requeue', delay: milliseconds(delay, `${this.policy.handler}: requeue()`) };
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

  async wait(turn: number | Promise<unknown>): Promise<boolean> {
    const { clock, stopping } = this.host;
    if (stopping.aborted || this.interrupted) return false;
    const waited = await new Promise<boolean>((resolve) => {
      const end = (waited: boolean): void => {
        stopping.removeEventListener('abort', wake);
        cancel?.();
        resolve(waited);
      };
      const wake = (this.#wake = (): void => end(false));
      const over = (): void => end(true);
      stopping.addEventListener('abort', wake);
      const cancel = typeof turn === 'number' ? clock.after(turn, over) : void turn.then(over, over);
    });
    return waited && !this.interrupted;
  }

  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.host.began();
  }

  /** Before each call of the function: one that blocks is told from one that follows another. */
  called(): void {
    this.ran = this.attempt;
    this.host.called();
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
    if (this.interrupted || isA(error, RequeueError) || this.#reported === this.attempt) return;
    this.failed(error, this.settlement?.kind === 'retry');
  }

  abandon(reason: Error): void {
    this.run.end();
    this.run.abort(reason);
  }

  nextAttempt(): void {
    this.run.end();
    this.run = new Run(this, this.attempt + 1);
    this.host.events.emit('rerun', { task: this });
  }

  late(outcome: { readonly value: unknown } | { readonly error: unknown }): void {
    this.host.events.emit('late', { task: this, ...outcome });
  }

  /** The lease is gone: someone else may run the task. */
  lose(): void {
    this.closed = true;
    const message = `the lease of task ${this.id} on ${this.queue} ran out; it may run elsewhere`;
    this.interrupt(new FunqError('FUNQ_LEASE_LOST', message));
  }

  interrupt(reason: FunqError): void {
    this.interrupted = true;
    this.run.abort(reason);
    this.#wake?.();
  }
}
