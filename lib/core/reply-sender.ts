import { randomUUID } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import { ENVELOPE_VERSION, type Reply } from '../contracts/envelope.js';
import type { DiscardStatus, Task } from '../contracts/task.js';
import { recordError } from './error-record.js';
import { FunqError, type FunqErrorCode } from './errors.js';
import type { Events } from './events.js';
import type { Outbox } from './outbox.js';

/** Reply queues begin with this; a message can't make us write anywhere else. */
export const REPLY_PREFIX = 'funq.replies.';

export interface ReplySenderOptions {
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
  /** Largest reply in bytes. */
  readonly maxPayload: number;
}

/** Answers those who wait for a task's outcome. A reply that can't be sent is told as an event and changes nothing else. */
export class ReplySender {
  constructor(private readonly options: ReplySenderOptions) {}

  async value(task: Task, value: unknown): Promise<void> {
    await this.#send(task, { value });
  }

  async error(task: Task, error: unknown): Promise<void> {
    await this.#send(task, { error: recordError(error) });
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

  async #send(task: Task, content: Pick<Reply, 'value' | 'error'>): Promise<void> {
    const address = task.envelope.reply;
    const { outbox, clock, events } = this.options;
    if (!address) return;
    const ttl = address.until - clock.now();
    if (ttl <= 0 || !address.queue.startsWith(REPLY_PREFIX)) return;
    try {
      const body = this.#encode({ v: ENVELOPE_VERSION, call: address.call, ...content });
      await outbox.publish(address.queue, { id: randomUUID(), body, ttl });
    } catch (error) {
      events.emit('replyFailed', { task, error });
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
      return this.options.codec.encodeReply({ v: reply.v, call: reply.call, error: recordError(error) });
    }
  }
}

const DISCARDED: Readonly<Record<DiscardStatus, FunqErrorCode>> = {
  expired: 'FUNQ_EXPIRED',
  filtered: 'FUNQ_FILTERED',
  discarded: 'FUNQ_DISCARDED',
};
