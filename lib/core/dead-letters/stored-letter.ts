import { createHash } from 'node:crypto';
import type { Codec } from '../../contracts/codec.js';
import type { Envelope, ErrorRecord } from '../../contracts/envelope.js';
import { recordError } from '../error-record.js';

/** A dead letter as it lies in its queue. @publicApi */
export interface StoredLetter {
  /** Names this very letter: a digest of its bytes. The task's own id is `envelope.id`. */
  readonly id: string;
  /** The queue that the task came from; undefined for a message that is no dead letter. */
  readonly queue: string | undefined;
  /** `'failed'`, `'timeout'`, `'poison'`, `'undecodable'` …; `'unreadable'` for a message that is no dead letter. */
  readonly code: string;
  /** The same in words. */
  readonly reason: string;
  /** Milliseconds since the epoch; undefined for a message that is no dead letter. */
  readonly diedAt: number | undefined;
  /** What each run failed with, oldest first. */
  readonly errors: readonly ErrorRecord[];
  /** The task, where it could be read. */
  readonly envelope?: Envelope;
  /** Base64 of the message, where it could not. */
  readonly raw?: string;
}

/** Whatever lies in a queue of dead letters, believed only as far as it is well formed. */
export function readLetter(body: Uint8Array, codec: Codec): StoredLetter {
  const id = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  try {
    const { queue, code, reason, diedAt, errors, envelope, raw } = codec.decodeDeadLetter(body);
    return { id, queue, code, reason, diedAt, errors, ...(envelope ? { envelope } : { raw: raw ?? '' }) };
  } catch (error) {
    const reason = recordError(error).message;
    const raw = Buffer.from(body).toString('base64');
    return { id, queue: undefined, code: 'unreadable', reason, diedAt: undefined, errors: [], raw };
  }
}
