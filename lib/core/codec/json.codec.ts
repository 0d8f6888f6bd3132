import type { Codec } from '../../contracts/codec.js';
import { ENVELOPE_VERSION, type DeadLetter, type Envelope, type Reply } from '../../contracts/envelope.js';
import { FunqError, FunqUnserializableError } from '../errors.js';
import { fromPlain, isRecord } from './from-plain.js';
import { isDeadLetter, isEnvelope, isReply } from './shapes.js';
import { toPlain } from './to-plain.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The default codec: one JSON object a message, UTF-8, with tagged values for what JSON lacks. */
export class JsonCodec implements Codec {
  encode(envelope: Envelope): Uint8Array {
    return bytes({ ...envelope, args: toPlain(envelope.args, 'args') });
  }

  decode(body: Uint8Array): Envelope {
    const parsed = versioned(parse(body));
    if (!isEnvelope(parsed)) return undecodable('it is not an envelope');
    // It comes fresh from the parser, and a copy of it would cost as much as the checks.
    (parsed as { args: unknown }).args = revive(parsed.args);
    return parsed;
  }

  encodeReply(reply: Reply): Uint8Array {
    return bytes('value' in reply ? { ...reply, value: toPlain(reply.value, 'result') } : reply);
  }

  decodeReply(body: Uint8Array): Reply {
    const parsed = versioned(parse(body));
    if (!isReply(parsed)) return undecodable('it is not a reply');
    return 'value' in parsed ? { ...parsed, value: revive(parsed.value) } : parsed;
  }

  encodeDeadLetter(letter: DeadLetter): Uint8Array {
    const { envelope } = letter;
    return bytes(envelope ? { ...letter, envelope: { ...envelope, args: toPlain(envelope.args, 'args') } } : letter);
  }

  decodeDeadLetter(body: Uint8Array): DeadLetter {
    const parsed = versioned(parse(body));
    if (!isDeadLetter(parsed)) return undecodable('it is not a dead letter');
    const { envelope } = parsed;
    return envelope ? { ...parsed, envelope: { ...envelope, args: revive(envelope.args) as unknown[] } } : parsed;
  }

  encodeValue(value: unknown): Uint8Array {
    return bytes(toPlain(value, 'result'));
  }

  decodeValue(body: Uint8Array): unknown {
    return revive(parse(body));
  }
}

function bytes(plain: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(plain));
  } catch (error) {
    throw new FunqUnserializableError('the message', 'it is too long for a text', { cause: error });
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch (error) {
    return undecodable('it is not JSON', error);
  }
}

function revive(plain: unknown): unknown {
  try {
    return fromPlain(plain);
  } catch (error) {
    return undecodable((error as Error).message, error);
  }
}

/** A newer layout may mean anything: it is left for those who know it. */
function versioned(parsed: unknown): unknown {
  const version = isRecord(parsed) ? parsed['v'] : undefined;
  if (!Number.isSafeInteger(version) || (version as number) <= ENVELOPE_VERSION) return parsed;
  throw new FunqError(
    'FUNQ_VERSION_NEWER',
    `message of version ${version as number}, this process reads up to ${ENVELOPE_VERSION}: update it`,
  );
}

function undecodable(why: string, cause?: unknown): never {
  throw new FunqError('FUNQ_UNDECODABLE', `the message can't be read: ${why}`, { cause });
}
