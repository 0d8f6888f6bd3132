import { randomUUID } from 'node:crypto';
import type { Outgoing } from '../contracts/broker.js';
import type { Codec } from '../contracts/codec.js';
import {
  ENVELOPE_VERSION,
  type DeadLetter,
  type Envelope,
  type ErrorRecord,
  type ReplyAddress,
} from '../contracts/envelope.js';
import type { TaskOverrides } from '../contracts/policy.js';
import type { RunningTask } from './consuming/running-task.js';

export interface EnvelopeInput {
  readonly args: readonly unknown[];
  readonly publishedAt: number;
  readonly id?: string | undefined;
  /** Given where several processes publish the same task. Default: random where the id is not. */
  readonly origin?: string | undefined;
  readonly options?: TaskOverrides | undefined;
  readonly priority?: number | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly pattern?: string | undefined;
  readonly reply?: ReplyAddress | undefined;
}

const OPTIONAL = ['options', 'priority', 'key', 'headers', 'pattern', 'reply'] as const;

/** A task on its first way. Fields without a value are left out, as on the wire. */
export function createEnvelope(input: EnvelopeInput): Envelope {
  const { id = randomUUID(), publishedAt } = input;
  const envelope: Record<string, unknown> = { v: ENVELOPE_VERSION, id };
  if (input.id !== undefined) envelope['origin'] = input.origin ?? randomUUID();
  envelope['args'] = trimmed(input.args);
  envelope['publishedAt'] = publishedAt;
  envelope['attempt'] = 1;
  for (const key of OPTIONAL) if (input[key] !== undefined) envelope[key] = input[key];
  return envelope as unknown as Envelope;
}

/** What tells one publish from every other, whatever ids users give. */
export function originOf({ origin, id }: Envelope): string {
  return origin ?? id;
}

/** The copy that takes a task's place in the queue: `pristine` is its envelope as it arrived, whatever the handler did to its arguments. */
export function nextEnvelope(
  pristine: Envelope,
  task: RunningTask,
  change: { attempt: number; requeues: number },
): Envelope {
  return {
    ...pristine,
    ...(task.errors.length > 0 && { errors: task.errors }),
    ...(task.redelivered > 0 && { deliveries: task.redelivered }),
    ...(change.requeues > 0 && { requeues: change.requeues }),
    attempt: change.attempt,
  };
}

/** The copy as a message. Its id is new: it takes the place of one that is still there. */
export function copyMessage(
  codec: Codec,
  envelope: Envelope,
  maxPayload: number,
  how: { readonly delay: number; /** The broker knows priorities. */ readonly priority: boolean },
): Outgoing {
  const { priority, key } = envelope;
  return {
    id: randomUUID(),
    body: encodeFitting(codec, envelope, maxPayload),
    ...(how.delay > 0 && { delay: how.delay }),
    ...(priority && how.priority && { priority }),
    ...(key !== undefined && { key }),
  };
}

/** The bytes of a copy. A history of errors that would make it too large to be read again is cut down, oldest first. */
export function encodeFitting(codec: Codec, envelope: Envelope, maxPayload: number): Uint8Array {
  const cut = (errors: readonly ErrorRecord[]): Uint8Array => codec.encode({ ...envelope, errors });
  return fitting(codec.encode(envelope), envelope.errors ?? [], maxPayload, cut);
}

/** The bytes of a dead letter, likewise: one that no broker takes would never get there. */
export function encodeLetter(codec: Codec, letter: DeadLetter, maxPayload: number): Uint8Array {
  const cut = (errors: readonly ErrorRecord[]): Uint8Array => {
    // What the envelope brought along is the beginning of the letter's own history.
    const { errors: _errors, ...envelope } = letter.envelope ?? {};
    return codec.encodeDeadLetter({ ...letter, errors, ...(letter.envelope && { envelope: envelope as Envelope }) });
  };
  return fitting(codec.encodeDeadLetter(letter), letter.errors, maxPayload, cut);
}

function fitting(
  whole: Uint8Array,
  errors: readonly ErrorRecord[],
  maxPayload: number,
  cut: (errors: readonly ErrorRecord[]) => Uint8Array,
): Uint8Array {
  const bare = errors.map(({ stack: _stack, cause: _cause, ...error }) => error);
  let body = whole;
  for (let from = 0; body.length > maxPayload && from <= errors.length; from++) body = cut(bare.slice(from));
  return body;
}

export interface Death {
  readonly queue: string;
  readonly code: string;
  readonly reason: string;
  readonly diedAt: number;
  readonly errors: readonly ErrorRecord[];
}

/** A dead letter with the envelope, or with the bytes where there is none. */
export function deadLetter(death: Death, envelope: Envelope | undefined, body: Uint8Array): DeadLetter {
  const content = envelope ? { envelope } : { raw: Buffer.from(body).toString('base64') };
  return { v: ENVELOPE_VERSION, ...death, ...content };
}

/** Arguments that were left out are the same call as arguments given as `undefined`. */
function trimmed(args: readonly unknown[]): readonly unknown[] {
  let length = args.length;
  while (length > 0 && args[length - 1] === undefined) length--;
  return length === args.length ? args : args.slice(0, length);
}
