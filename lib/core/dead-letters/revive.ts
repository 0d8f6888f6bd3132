import { randomUUID } from 'node:crypto';
import type { Outgoing } from '../../contracts/broker.js';
import type { Codec } from '../../contracts/codec.js';
import type { Envelope } from '../../contracts/envelope.js';
import { encodeFitting } from '../envelope.js';
import { FunqConfigError, FunqError } from '../errors.js';
import type { StoredLetter } from './stored-letter.js';

/** What is to be different when one letter is replayed; what is left out stays as it was. */
export interface LetterEdit {
  readonly args?: readonly unknown[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: Envelope['options'];
}

export interface Revival {
  readonly codec: Codec;
  readonly now: number;
  /** Largest message in bytes. */
  readonly maxPayload: number;
  /** The broker knows priorities. */
  readonly priority: boolean;
  readonly edit?: LetterEdit;
}

/** The task of a letter. Bytes that were unreadable when it died may have become readable since. */
export function taskOf(letter: StoredLetter, codec: Codec): Envelope | undefined {
  if (letter.envelope || letter.raw === undefined) return letter.envelope;
  try {
    return codec.decode(Buffer.from(letter.raw, 'base64'));
  } catch {
    return undefined;
  }
}

/**
 * The message that takes a letter's place. Its task begins anew: first attempt, published now, known to be another publish
 * of the same id, nobody waiting for an answer; its errors stay with it. What can't be read goes as the bytes it was.
 */
export function revive(letter: StoredLetter, { codec, now, maxPayload, priority: known, edit }: Revival): Outgoing {
  const task = taskOf(letter, codec);
  const id = randomUUID();
  if (!task) {
    if (edit) throw unchangeable(letter);
    return { id, body: Buffer.from(letter.raw ?? '', 'base64') };
  }
  const { attempt: _attempt, requeues: _requeues, deliveries: _deliveries, reply: _reply, ...kept } = task;
  const renewed = {
    origin: id,
    publishedAt: now,
    attempt: 1,
    ...(letter.errors.length > 0 && { errors: letter.errors }),
  };
  const envelope: Envelope = { ...kept, ...renewed, ...edit };
  const body = encodeFitting(codec, envelope, maxPayload);
  if (edit && body.length > maxPayload) throw tooLarge(letter, body.length, maxPayload);
  const { priority, key } = envelope;
  return { id, body, ...(priority && known && { priority }), ...(key !== undefined && { key }) };
}

function unchangeable({ id, reason }: StoredLetter): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    `dead letter ${id} can't be edited, because its task can't be read (${reason}); replay it as it is, or remove it`,
  );
}

function tooLarge({ id }: StoredLetter, length: number, maxPayload: number): FunqError {
  return new FunqError(
    'FUNQ_PAYLOAD_TOO_LARGE',
    `dead letter ${id} has ${length} bytes as edited, more than maxPayload of ${maxPayload}`,
  );
}
