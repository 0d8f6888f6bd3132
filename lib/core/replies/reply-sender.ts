import { randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import { ENVELOPE_VERSION, type Reply, type ReplyAddress } from '../../contracts/envelope.js';
import type { DiscardStatus, ManagedTask as Task } from '../../contracts/task.js';
import { TRANSIENT_PREFIX } from '../../contracts/transient.js';
import { recordError } from '../error-record.js';
import { FunqError, type FunqErrorCode } from '../errors.js';
import type { Events } from '../events.js';
import type { Outbox } from '../outbox.js';

/** Reply queues begin with this; a message can't make us write anywhere else. */
export const REPLY_PREFIX = TRANSIENT_PREFIX;

/** By how many milliseconds clocks may differ. */
const SKEW = 60_000;
/** The longest, in milliseconds, that a caller may say it waits for each part. */
const LONGEST = 86_400_000;

/** What a task came to. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };
/** A reply without its address. */
export type ReplyContent = Omit<Reply, 'v' | 'call'>;

export interface ReplySenderOptions {
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
  /** Largest reply in bytes. */
  readonly maxPayload: number;
  /** Writes an outcome. Default: the value, or a record of the error. */
  readonly write?: ((outcome: Outcome, task: Task) => ReplyContent | Promise<ReplyContent>) | undefined;
}

/** Answers those who wait for a task's outcome. A reply that can't be sent is told as an event and changes nothing else. */
export class ReplySender {
  constructor(private readonly options: ReplySenderOptions) {}

  async value(task: Task, value: unknown): Promise<void> {
    await this.#answer(task, { value });
  }

  async error(task: Task, error: unknown): Promise<void> {
    await this.#answer(task, { error });
  }

  async discarded(
    task: Task,
    end: { status: DiscardStatus; reason: string; answer?: { readonly value: unknown } },
  ): Promise<void> {
    if (end.answer) await this.value(task, end.answer.value);
    else
      await this.error(
        task,
        new FunqError(DISCARDED[end.status], `task ${task.id} on ${task.queue} was ${end.status}: ${end.reason}`),
      );
  }

  /** For a task that was not accepted: its envelope may still be readable enough to tell who waits. */
  async refused(body: Uint8Array, queue: string, error: unknown): Promise<void> {
    if (body.length > this.options.maxPayload) return;
    try {
      const { reply } = this.options.codec.decode(body);
      if (reply) await this.send(reply, { error: recordError(error) });
    } catch (failure) {
      if ((failure as Partial<FunqError>).code === 'FUNQ_UNDECODABLE') return;
      this.options.events.emit('replyFailed', { queue, error: failure });
    }
  }

  /** Rejects as the outbox does; not at all where nobody waits any more. */
  async send(address: ReplyAddress, content: ReplyContent): Promise<void> {
    // The caller's clock may differ from ours: a reply that looks a little late is sent all the same.
    const now = this.options.clock.now();
    const until = Math.max(address.until, now + Math.min(address.parts ?? -Infinity, LONGEST));
    const ttl = until + SKEW - now;
    if (ttl <= 0 || !address.queue.startsWith(REPLY_PREFIX)) return;
    const body = this.#encode({ v: ENVELOPE_VERSION, call: address.call, ...content });
    await this.options.outbox.publish(address.queue, { id: randomUUID(), body, ttl });
  }

  async #answer(task: Task, outcome: Outcome): Promise<void> {
    const { write = plain, events } = this.options;
    const { reply } = task.envelope;
    if (!reply) return;
    try {
      const parts = task.parts && { parts: task.parts };
      await this.send(reply, { ...(await write(outcome, task)), ...parts, ...sourceOf(task) });
    } catch (error) {
      events.emit('replyFailed', { queue: task.queue, task, error });
    }
  }

  /** A result that can't be sent is answered with the reason. */
  #encode(reply: Reply): Uint8Array {
    try {
      const body = this.options.codec.encodeReply(reply);
      if (body.length <= this.options.maxPayload) return body;
      throw new FunqError(
        'FUNQ_PAYLOAD_TOO_LARGE',
        `the result has ${body.length} bytes, more than maxPayload of ${this.options.maxPayload}; return less or raise maxPayload`,
      );
    } catch (error) {
      const { value: _value, ...rest } = reply;
      return this.options.codec.encodeReply({ ...rest, error: reply.error ?? recordError(error) });
    }
  }
}

/** Tells the answers of several apart who each have a copy of a task. */
export function sourceOf({ envelope, queue }: Task): Pick<Reply, 'source'> {
  return envelope.pattern === undefined ? {} : { source: queue };
}

function plain(outcome: Outcome): ReplyContent {
  return 'error' in outcome ? { error: recordError(outcome.error) } : outcome;
}

const DISCARDED: Readonly<Record<DiscardStatus, FunqErrorCode>> = {
  expired: 'FUNQ_EXPIRED',
  filtered: 'FUNQ_FILTERED',
  discarded: 'FUNQ_DISCARDED',
};
