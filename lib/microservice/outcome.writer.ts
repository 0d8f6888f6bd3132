import { RpcException, type ConsumerSerializer, type OutgoingResponse } from '@nestjs/microservices';
import type { ManagedTask } from '../contracts/task.js';
import { recordError } from '../core/error-record.js';
import { FunqError, isA } from '../core/errors.js';
import type { Outcome, ReplyContent } from '../core/replies/reply-sender.js';

/** Writes outcomes as callers of Nest's transports know them: an error is data, `{ status, message }` where nothing else is said. */
export class OutcomeWriter {
  readonly #sent = new WeakSet<ManagedTask>();

  constructor(private readonly serializer: ConsumerSerializer | undefined) {}

  /** The value that the task comes to was a part of its result already. */
  sent(task: ManagedTask): void {
    this.#sent.add(task);
  }

  /** For those who take a result in parts; others, such as `ask()`, get values and records of errors. */
  async write(outcome: Outcome, task: ManagedTask): Promise<ReplyContent> {
    const { id, envelope } = task;
    const known = envelope.reply?.parts !== undefined;
    if ('value' in outcome && !known) return outcome;
    if ('value' in outcome) return this.part(this.#sent.has(task) ? undefined : outcome.value, id, true);
    const shown = known ? shaped(outcome.error) : undefined;
    if (shown === undefined) return { error: recordError(outcome.error) };
    const error = recordError(shown);
    if (!this.serializer) return { error, value: shown };
    const written = await this.#serialized({ id, err: shown, status: 'error', isDisposed: true });
    return { ...written, error };
  }

  async part(value: unknown, id: string, isDisposed = false): Promise<ReplyContent> {
    return this.serializer ? this.#serialized({ id, response: value, isDisposed }) : { value };
  }

  /** A value that can't be written is answered with the reason. */
  async #serialized(packet: OutgoingResponse): Promise<ReplyContent> {
    try {
      return { value: (await this.serializer!.serialize(packet)) as unknown };
    } catch (error) {
      return { error: recordError(error) };
    }
  }
}

/** What Nest's own filter makes of an error, where no filter has seen it; the library's own errors stay what they are. */
function shaped(error: unknown): unknown {
  if (isA(error, RpcException)) {
    const inner = error.getError();
    return typeof inner === 'object' && inner !== null ? inner : { status: 'error', message: inner };
  }
  if (isA(error, FunqError)) return undefined;
  return isA(error, Error) ? { status: 'error', message: 'Internal server error' } : error;
}
