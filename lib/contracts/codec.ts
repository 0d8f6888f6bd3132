import type { DeadLetter, Envelope, Reply } from './envelope.js';

/**
 * Turns what travels into bytes and back. Implementations are pure and synchronous and may be used by many tasks at once.
 *
 * `encode*` throws a `FunqError` with code `FUNQ_UNSERIALIZABLE` that names the path of the value which can't be sent.
 * `decode*` throws `FUNQ_UNDECODABLE` for bytes that are not what they should be, and `FUNQ_VERSION_NEWER` for a version
 * that only a newer release can read. Nothing in the bytes ever chooses code to run.
 */
export interface Codec {
  encode(envelope: Envelope): Uint8Array;
  decode(body: Uint8Array): Envelope;

  encodeReply(reply: Reply): Uint8Array;
  decodeReply(body: Uint8Array): Reply;

  encodeDeadLetter(letter: DeadLetter): Uint8Array;
  decodeDeadLetter(body: Uint8Array): DeadLetter;

  /** A lone value, as stores keep results. */
  encodeValue(value: unknown): Uint8Array;
  decodeValue(body: Uint8Array): unknown;
}
