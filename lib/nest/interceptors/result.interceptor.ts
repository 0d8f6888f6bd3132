import { hostname } from 'node:os';
import { Inject, Injectable, Optional, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import type { ResultStore, TaskResult, TaskStatus } from '../../contracts/stores.js';
import type { ManagedTask } from '../../contracts/task.js';
import { Events } from '../../core/events.js';
import { ResultWriter } from '../../core/results/result-writer.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_SETTINGS, getStoreToken } from '../funq.tokens.js';
import { missingStore } from '../missing-store.js';
import { Control } from './control.js';

interface Run {
  readonly startedAt: number;
  /** As they arrived: the method may change the objects that it gets. */
  readonly args: Uint8Array | undefined;
  value?: unknown;
  endedAt?: number;
}

/** The events that end a task, or this copy of it, and what they are recorded as. */
const STATUS = {
  done: 'done', retried: 'retrying', requeued: 'requeued', filtered: 'filtered', expired: 'expired', discarded: 'discarded', dead: 'dead', released: 'released',
} as const satisfies Record<string, TaskStatus>; // prettier-ignore

/**
 * Saves outcomes, and results where asked. `around` keeps what the method returned; the record is written when the engine
 * tells how the task ended, so a task that never reached its method has one too. Written in batches by `ResultWriter`.
 */
@Injectable()
export class ResultInterceptor extends Control implements OnModuleInit {
  readonly #runs = new WeakMap<ManagedTask, Run>();
  readonly #host = hostname();
  readonly #writer: ResultWriter | undefined;

  constructor(
    @Optional() @Inject(getStoreToken('results')) store: ResultStore | undefined,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    private readonly events: Events,
  ) {
    super();
    this.#writer = store && new ResultWriter(store, clock, events);
  }

  onModuleInit(): void {
    for (const [event, status] of Object.entries(STATUS)) {
      this.events.on(event as keyof typeof STATUS, (end) => {
        if (!end.task?.policy.persist) return;
        const reason = 'letter' in end ? end.letter.reason : 'reason' in end ? end.reason : undefined;
        this.#save(end.task, status, reason, 'value' in end ? end.value : undefined);
      });
    }
  }

  appliesTo(policy: Policy): boolean {
    return policy.persist !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    const args = task.policy.persist?.result ? this.#encoded(task.envelope.args) : undefined;
    const run: Run = { startedAt: this.clock.now(), args };
    this.#runs.set(task, run);
    try {
      return (run.value = await next());
    } finally {
      // Not when it is told: by then whoever got its copy may have ended as well.
      run.endedAt = this.clock.now();
    }
  }

  /** Writes what waits; called when the consumers have stopped. */
  override async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  /** `answer` is what a task that is done came to, also one that was executed before and not here. */
  #save(task: ManagedTask, status: TaskStatus, reason: string | undefined, answer: unknown): void {
    if (this.#writer) return this.#writer.add(this.#record(task, status, reason, answer));
    const error = missingStore(task.policy.handler, 'persist', 'results');
    this.events.emit('resultsDropped', { count: 1, error });
  }

  #record(task: ManagedTask, status: TaskStatus, reason: string | undefined, answer: unknown): TaskResult {
    const now = this.clock.now();
    const run = this.#runs.get(task);
    const error = status === 'done' ? undefined : task.errors.at(-1);
    return {
      id: task.id,
      queue: task.queue,
      status,
      attempts: status === 'done' ? task.attempt : run ? runsOf(task) : task.attempt - 1,
      publishedAt: task.publishedAt,
      startedAt: run?.startedAt ?? now,
      finishedAt: run?.endedAt ?? now,
      host: this.#host,
      pid: process.pid,
      expiresAt: now + task.policy.persist!.ttl,
      ...(error && { error }),
      ...(reason !== undefined && { reason }),
      ...(task.policy.persist!.result && this.#content(task, status, run, answer)),
    };
  }

  #content(task: ManagedTask, status: TaskStatus, run: Run | undefined, answer: unknown): Partial<TaskResult> {
    const args = run ? run.args : this.#encoded(task.envelope.args);
    const value = status === 'done' ? this.#encoded(run ? run.value : answer) : undefined;
    const lost = !args || (status === 'done' && !value);
    return { ...(args && { args }), ...(value && { value }), ...(lost && { unserializable: true }) };
  }

  /** `undefined` for what is no data, or too much of it; the task's outcome never depends on its record. */
  #encoded(value: unknown): Uint8Array | undefined {
    try {
      const bytes = this.codec.encodeValue(value);
      return bytes.length <= this.settings.maxPayload ? bytes : undefined;
    } catch {
      return undefined;
    }
  }
}

/** One that never got its start, or was too old by then, is no run. */
function runsOf({ ran, envelope, errors }: ManagedTask): number {
  return Math.max(ran, envelope.attempt - 1, errors.at(-1)?.attempt ?? 0);
}
