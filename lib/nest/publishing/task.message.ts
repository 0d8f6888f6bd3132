import type { Outgoing } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Envelope, ReplyAddress } from '../../contracts/envelope.js';
import { createEnvelope, originOf } from '../../core/envelope.js';
import { FunqConfigError, FunqError } from '../../core/errors.js';
import type { PublishSettings } from './publish.options.js';

export interface MessageParts {
  readonly clock: Clock;
  readonly codec: Codec;
  /** Largest message in bytes. */
  readonly maxPayload: number;
}

/** What is to be sent besides its options. */
export interface Sending {
  readonly queue: string;
  readonly args: readonly unknown[];
  readonly reply?: ReplyAddress | undefined;
  /** Milliseconds after which nobody wants it any more. */
  readonly ttl?: number;
  /** What it is emitted as, and the name by which it is spread; see `Outgoing.spread`. */
  readonly pattern?: string;
  readonly spread?: string;
}

/** A task as a message, and its id. Throws `FUNQ_OPTION_INVALID`, `FUNQ_UNSERIALIZABLE` or `FUNQ_PAYLOAD_TOO_LARGE`. */
export function taskMessage(
  { queue, args, reply, ttl, pattern, spread }: Sending,
  { id, delay, priority, key, headers, overrides, transaction }: PublishSettings,
  parts: MessageParts,
): { readonly id: string; readonly message: Outgoing } {
  if (!Array.isArray(args))
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `publishing to ${queue}: give the arguments as a list: publish('${queue}', [argument])`,
    );
  if (transaction && reply)
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `asking ${queue}: nobody answers within a transaction, for the question is not there until it commits`,
    );
  const envelope = createEnvelope({
    args,
    publishedAt: parts.clock.now(),
    id,
    priority: priority > 0 ? priority : undefined,
    key,
    headers,
    pattern,
    options: overrides,
    reply,
  });
  const message: Outgoing = {
    id: originOf(envelope),
    body: encoded(queue, envelope, parts),
    ...(delay > 0 && { delay }),
    ...(priority > 0 && { priority }),
    ...(ttl !== undefined && { ttl }),
    ...(key !== undefined && { key }),
    ...(spread !== undefined && { spread }),
  };
  return { id: envelope.id, message };
}

function encoded(queue: string, envelope: Envelope, { codec, maxPayload }: MessageParts): Uint8Array {
  const body = codec.encode(envelope);
  if (body.length <= maxPayload) return body;
  throw new FunqError(
    'FUNQ_PAYLOAD_TOO_LARGE',
    `a task for ${queue} has ${body.length} bytes, more than maxPayload of ${maxPayload}; send a reference to the data, or raise maxPayload`,
  );
}
