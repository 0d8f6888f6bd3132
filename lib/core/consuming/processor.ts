import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import { withinRun } from './current-task.js';
import { decide } from './decide.js';
import type { Held } from './held.js';
import { openTask, policyFor } from './open-task.js';
import { QUARANTINE_DELAY, verdict, type Quarantine } from './quarantine.js';
import type { RunningTask, TaskHost } from './running-task.js';
import type { Settler } from './settle.js';
import type { Slots } from './slots.js';

export interface ProcessorOptions {
  /** What holds for tasks that are taken from now on. */
  policy: Policy;
  readonly codec: Codec;
  readonly events: Events;
  readonly settler: Settler;
  readonly slots: Slots;
  readonly quarantine: Quarantine;
  readonly host: TaskHost;
  /** Bytes above which a body is not even read. */
  readonly maxPayload: number;
  /** Calls the handler with everything around it. */
  invoke(task: RunningTask): Promise<unknown>;
}

/** Takes deliveries through their path: read, sort out poison, call, decide, settle. Knows what is in hand. */
export class Processor {
  readonly #tasks = new Map<Held, RunningTask>();
  #open = 0;
  #idle: (() => void) | undefined;
  /** The last suspect that ran here, and what lets the next one in. */
  #examined: { readonly task: RunningTask; leave(): void } | undefined;

  constructor(private readonly options: ProcessorOptions) {}

  /** From now on this policy holds, also for tasks in hand whose function was not called yet. */
  follow(policy: Policy): void {
    this.options.policy = policy;
    for (const task of this.#tasks.values()) if (task.ran === 0) task.policy = policyFor(task.envelope, policy);
  }

  /** Deliveries that were taken and are not settled yet. */
  get inHand(): number {
    return this.#open;
  }

  take(deliveries: readonly Held[]): void {
    const suspects: [Held, RunningTask][] = [];
    for (const held of deliveries) {
      this.options.slots.take();
      this.#open++;
      const task = this.#read(held);
      if (!task) continue;
      this.#tasks.set(held, task);
      const judged = verdict(task);
      if (judged === 'suspect') suspects.push([held, task]);
      else if (judged === 'clean') this.#run(held, task);
      else this.#condemn(held, task);
    }
    if (suspects.length > 0) void this.#examine(suspects);
  }

  /** Somebody else may have it now: whatever the function does from here on is ignored. */
  lost(held: Held): void {
    const task = this.#tasks.get(held);
    if (!task) return;
    task.lose();
    // Whether its function ends nobody knows.
    if (this.#examined?.task === task) this.#examined.leave();
    this.#forget(held, task);
    void this.#settled(Promise.resolve());
    this.options.events.emit('leaseLost', { queue: task.queue, task });
  }

  /** Aborts the signals of all that still run. */
  interrupt(reason: FunqError): void {
    for (const task of this.#tasks.values()) task.interrupt(reason);
  }

  /** Gives back what does not end, not even when told; what its function does later is ignored. */
  async giveUp(): Promise<void> {
    const left = [...this.#tasks];
    for (const [held, task] of left) {
      task.release();
      task.closed = true;
      this.#forget(held, task);
    }
    const { settler } = this.options;
    await Promise.all(
      left.map(([held, task]) => this.#settled(settler.settle(task, held, decide(task, undefined), undefined))),
    );
  }

  /** Resolves when nothing is in hand. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  /** The task in a delivery. What can't be one is settled here and now. */
  #read(held: Held): RunningTask | undefined {
    const { policy, codec, maxPayload, host, settler, slots } = this.options;
    try {
      return openTask(held.delivery, policy, codec, maxPayload, host);
    } catch (error) {
      const newer = error instanceof FunqError && error.code === 'FUNQ_VERSION_NEWER';
      const settled = newer ? settler.newer(held, policy.queue, error) : settler.unreadable(held, policy, error);
      slots.end(false);
      void this.#settled(settled);
      return undefined;
    }
  }

  /** `then` is called when the task is settled. Each promise that a task costs is felt, so there is but one here. */
  #run(held: Held, task: RunningTask, then?: () => void): void {
    const { events, invoke } = this.options;
    events.emit('started', { task });
    // Only a rate makes tasks wait for their start.
    if (!task.policy.rate) task.begin();
    withinRun(task.run, invoke, task).then(
      (value) => this.#ended(held, task, value, then),
      (error: unknown) => {
        task.end(error);
        this.#ended(held, task, undefined, then);
      },
    );
  }

  #ended(held: Held, task: RunningTask, value: unknown, then: (() => void) | undefined): void {
    if (!task.closed) return this.#settle(held, task, value, then);
    // One that waited for its start, say, has no function that could have ended.
    if (task.ran > 0) task.late(task.failure ? { error: task.failure.error } : { value });
    then?.();
  }

  /** Dead without a run: it was in hand at too many deaths. */
  #condemn(held: Held, task: RunningTask): void {
    task.dead(`poison: ${task.redelivered} consumers died or lost their lease with this task in hand`, 'poison');
    this.#settle(held, task, undefined);
  }

  /** One suspect runs, and not before the others are back in the queue: if it kills the process, they don't count it. */
  async #examine(suspects: readonly [Held, RunningTask][]): Promise<void> {
    const leave = this.options.quarantine.enter();
    const others = leave ? suspects.slice(1) : suspects;
    const back = others.map(([held, task]) => {
      task.defer(QUARANTINE_DELAY);
      return new Promise<void>((settled) => this.#settle(held, task, undefined, settled));
    });
    await Promise.all(back);
    const [held, task] = suspects[0]!;
    // Meanwhile it may have been given back, or its lease lost, or is about to be given back.
    if (!leave || task.closed || task.interrupted) return leave?.();
    this.#examined = { task, leave };
    this.#run(held, task, leave);
  }

  #settle(held: Held, task: RunningTask, value: unknown, then?: () => void): void {
    const { settler } = this.options;
    if (task.interrupted && task.failure) task.release();
    task.closed = true;
    this.#forget(held, task);
    const settlement = decide(task, task.failure);
    const settled = then ? (): void => (this.#leave(), then()) : this.#leave;
    if (settlement.kind === 'done' && !task.envelope.reply) settler.done(task, held, value, settled);
    else void this.#settled(settler.settle(task, held, settlement, value)).then(then);
  }

  /** Waits for a settlement; whatever becomes of it, the delivery is no longer in hand. */
  async #settled(settling: Promise<void>): Promise<void> {
    const { events, policy } = this.options;
    try {
      await settling;
    } catch (error) {
      events.emit('settleFailed', { queue: policy.queue, error });
    }
    this.#leave();
  }

  readonly #leave = (): void => {
    this.options.slots.leave();
    if (--this.#open === 0) this.#idle?.();
  };

  /** The call is over, in one way or another; its slot is free. */
  #forget(held: Held, task: RunningTask): void {
    this.#tasks.delete(held);
    this.options.slots.end(task.begun);
  }
}
