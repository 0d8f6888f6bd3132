import { randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { DeadLetter } from '../../contracts/envelope.js';
import type { Policy } from '../../contracts/policy.js';
import type { Settlement } from '../../contracts/task.js';
import { backoff, type Backoff } from '../backoff.js';
import { copyMessage, deadLetter, encodeLetter, nextEnvelope, type Death } from '../envelope.js';
import { recordError } from '../error-record.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import type { Outbox } from '../outbox.js';
import type { ReplySender } from '../replies/reply-sender.js';
import { Completion } from './completion.js';
import type { Held } from './held.js';
import type { RunningTask } from './running-task.js';

/** Waits before a settlement that could not be written is tried again. */
const HOLD: Backoff = { delay: 1000, factor: 2, max: 30_000, jitter: 0.2 };
/** Wait before a message is looked at again that only a newer version can read. */
const NEWER_DELAY = 5000;

export interface SettlerOptions {
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
  readonly replies: ReplySender;
  /** Largest message in bytes. */
  readonly maxPayload: number;
  /** Ends waits early when the worker stops. */
  readonly stopping: AbortSignal;
}

/**
 * The only place that acknowledges. Whatever takes a task's place (a copy, a dead letter, a reply) is stored first; when
 * that fails the task stays with the broker. So a task can be executed twice after a fault, and never be lost.
 */
export class Settler {
  constructor(private readonly options: SettlerOptions) {}

  /** The way of nearly every task, so it makes no promise of its own: done, and nobody waits for the result. Then `settled`. */
  done(task: RunningTask, held: Held, value: unknown, settled: () => void): void {
    held.ackTo(new Completion(this.options, task, value, settled));
  }

  async settle(task: RunningTask, held: Held, settlement: Settlement, value: unknown): Promise<void> {
    const { events, replies } = this.options;
    switch (settlement.kind) {
      case 'done':
        await replies.value(task, value);
        await new Promise<void>((settled) => this.done(task, held, value, settled));
        return;
      case 'discard':
        await replies.discarded(task, settlement);
        if (await this.#ack(held, task.queue, task))
          events.emit(settlement.status, { task, reason: settlement.reason });
        return;
      case 'dead':
        await this.#guarded(held, task.queue, task, () => this.#bury(task, held, settlement));
        return;
      case 'release':
        // Where the broker can't be told it goes back with its subscription.
        if (await held.release().catch(() => true)) events.emit('released', { task });
        else events.emit('leaseLost', { queue: task.queue, task });
        return;
      default:
        await this.#guarded(held, task.queue, task, () => this.#putBack(task, held, settlement.kind, settlement.delay));
    }
  }

  /** A body that is no task for this queue: to the dead letters, as it is. */
  async unreadable(held: Held, policy: Policy, error: unknown): Promise<void> {
    const { message, code } = recordError(error);
    const reason = { code: code === 'FUNQ_UNDECODABLE' ? 'undecodable' : 'refused', reason: message };
    await this.#guarded(held, policy.queue, undefined, async () => {
      const death: Death = { queue: policy.queue, ...reason, diedAt: this.options.clock.now(), errors: [] };
      const letter = deadLetter(death, undefined, held.delivery.body);
      const grave = policy.deadLetter && this.#graveOf(policy.queue, policy.deadLetter, held.delivery.body);
      await this.#publishDead(grave, letter);
      await this.options.replies.refused(held.delivery.body, policy.queue, error);
      if (!(await this.#ack(held, policy.queue))) return;
      const { queue, broker } = policy;
      this.options.events.emit('dead', { queue, broker, letter, deadLetter: grave });
    });
  }

  /** A message of a newer version stays in its queue, behind the others where the broker can delay. */
  async newer(held: Held, queue: string, error: Error): Promise<void> {
    const { outbox, clock, events, stopping } = this.options;
    events.emit('newerVersion', { queue, error });
    await this.#guarded(held, queue, undefined, async () => {
      if (outbox.broker.features.delay) {
        await outbox.publish(queue, { id: randomUUID(), body: held.delivery.body, delay: NEWER_DELAY });
        await this.#ack(held, queue);
      } else {
        await clock.sleep(NEWER_DELAY, stopping);
        await held.release();
      }
    });
  }

  async #putBack(task: RunningTask, held: Held, kind: 'retry' | 'requeue' | 'defer', delay: number): Promise<void> {
    const { outbox, codec, clock, events, stopping, maxPayload } = this.options;
    const change = {
      attempt: kind === 'retry' ? task.attempt + 1 : task.attempt,
      requeues: task.requeues + (kind === 'requeue' ? 1 : 0),
    };
    const { delay: native, priority } = outbox.broker.features;
    if (delay > 0 && !native) await clock.sleep(delay, stopping);
    if (held.lost) return void events.emit('leaseLost', { queue: task.queue, task });
    const envelope = nextEnvelope(codec.decode(held.delivery.body), task, change);
    const message = copyMessage(codec, envelope, maxPayload, { delay: native ? delay : 0, priority });
    await outbox.publish(task.queue, message);
    if (!(await this.#ack(held, task.queue, task))) return;
    events.emit(EVENT[kind], { task, delay });
  }

  async #bury(task: RunningTask, held: Held, { code, reason }: { code: string; reason: string }): Promise<void> {
    const { codec, clock, replies } = this.options;
    const death: Death = { queue: task.queue, code, reason, diedAt: clock.now(), errors: task.errors };
    const envelope = { ...codec.decode(held.delivery.body), attempt: task.attempt };
    const letter = deadLetter(death, envelope, held.delivery.body);
    await this.#publishDead(task.policy.deadLetter, letter);
    await replies.error(task, task.failure?.shown ?? new FunqError('FUNQ_DEAD_LETTER', reason));
    if (!(await this.#ack(held, task.queue, task))) return;
    const { queue, broker, deadLetter: kept } = task.policy;
    this.options.events.emit('dead', { queue, broker, task, letter, deadLetter: kept });
  }

  async #publishDead(queue: string | undefined, letter: DeadLetter): Promise<void> {
    if (!queue) return;
    const { outbox, codec, maxPayload } = this.options;
    await outbox.publish(queue, { id: randomUUID(), body: encodeLetter(codec, letter, maxPayload) });
  }

  /** A dead letter that came as a task goes where no option of another consumer can send it in a circle. */
  #graveOf(queue: string, chosen: string, body: Uint8Array): string {
    try {
      this.options.codec.decodeDeadLetter(body);
      return `${queue}.dead`;
    } catch {
      return chosen;
    }
  }

  /** True when the delivery was still ours. */
  async #ack(held: Held, queue: string, task?: RunningTask): Promise<boolean> {
    const { events } = this.options;
    try {
      const ours = await held.ack();
      if (!ours) events.emit('leaseLost', { queue, ...(task && { task }) });
      return ours;
    } catch (error) {
      events.emit('settleFailed', { queue, ...(task && { task }), error });
      return false;
    }
  }

  /**
   * Does `work`, again and again with backoff while it fails: until then the lease keeps the message from being executed
   * anew. Once it is lost that is somebody else's business. When the process stops, the message is given back.
   */
  async #guarded(held: Held, queue: string, task: RunningTask | undefined, work: () => Promise<void>): Promise<void> {
    const { events, clock, stopping } = this.options;
    for (let n = 1; !held.lost; n++) {
      try {
        return await work();
      } catch (error) {
        events.emit('settleFailed', { queue, ...(task && { task }), error });
      }
      await clock.sleep(backoff(n, HOLD), stopping);
      if (stopping.aborted) return void (await held.release().catch(() => false));
    }
    events.emit('leaseLost', { queue, ...(task && { task }) });
  }
}

/**
 * A message that is no task at all has been taken in: a reply, or a dead letter that something else took the place of. Resolves
 * to false when it may come again; a reply that does finds nobody waiting.
 */
export function settleConsumed(held: Held): Promise<boolean> {
  return held.ack().catch(() => false);
}

/** A message shall be gone. Resolves to false when it was no longer ours; rejects when the broker could not be told. */
export function settleGone(held: Held): Promise<boolean> {
  return held.ack();
}

/** A message that was not even looked at goes back to its place. */
export async function settleUntouched(held: Held): Promise<void> {
  // If that fails its lease runs out with the subscription.
  await held.release().catch(() => false);
}

const EVENT = { retry: 'retried', requeue: 'requeued', defer: 'deferred' } as const;
