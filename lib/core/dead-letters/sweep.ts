import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import { withDeadline } from '../../contracts/deadline.js';
import type { Held } from '../consuming/held.js';
import { openSession, type Session } from '../consuming/session.js';
import { settleUntouched } from '../consuming/settle.js';
import { FunqError } from '../errors.js';
import type { Outbox } from '../outbox.js';
import { readLetter, type StoredLetter } from './stored-letter.js';

/** The most letters of which the bodies are in memory at once. */
export const BATCH = 100;
/** The most letters that one sweep passes over: they are held until it ends, or they would come again and again. */
export const REACH = 50_000;
const LEASE = 10_000;
/** Milliseconds without a message after which the rest of a queue counts as taken by others. */
const SILENCE = 1000;
const DEADLINE = 5000;
const EMPTY = new Uint8Array();

export interface SweepParts {
  /** Name of the broker in the app. */
  readonly name: string;
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
}

export interface SweepOptions {
  /** The queue of dead letters. */
  readonly queue: string;
  /** At most this many letters at a time. Default: 100. */
  readonly batch?: number;
  /** Whether to go on. */
  more(): boolean;
  /** Whether to hand the letter over. Asked once for each, oldest first. */
  takes(letter: StoredLetter): boolean;
  readonly signal: AbortSignal;
}

/** A letter in hand; whoever is given it settles it. */
export interface Found {
  readonly letter: StoredLetter;
  readonly held: Held;
}

/** How many letters wait, where the broker can tell. */
export async function sizeOf(
  { outbox: { broker }, name, clock }: SweepParts,
  queue: string,
): Promise<number | undefined> {
  return broker.count && inTime(broker.count(queue), name, clock, `counting ${queue}`);
}

/**
 * Goes through a queue of dead letters once, from the oldest to the last that lay there at the beginning, and hands over, a
 * batch at a time, those that `takes` wants. The others go back to their places when the sweep ends, in whatever way. Letters
 * that are in other hands are not seen. Throws `FUNQ_OUT_OF_REACH` after passing over 50,000, or what the broker throws.
 */
export async function* sweep(parts: SweepParts, options: SweepOptions): AsyncGenerator<readonly Found[], void, void> {
  const { outbox, codec, name, clock } = parts;
  const { broker } = outbox;
  const { queue, signal, batch = BATCH } = options;
  let left = (await sizeOf(parts, queue)) ?? Infinity;
  if (left === 0) return;
  const begun = clock.now();
  const passed: Held[] = [];
  const lost = (): void => undefined;
  const held = { queue, broker, name, clock, prefetch: REACH + BATCH, lease: LEASE, lost };
  const session = await openSession(held, () => undefined);
  const hurry = (): void => void (session.hurried = true);
  signal.addEventListener('abort', hurry);
  try {
    while (left > 0 && options.more() && !signal.aborted) {
      if (passed.length >= REACH) throw outOfReach(queue);
      const deliveries = await receive(session, Math.min(batch, left), clock, signal);
      if (deliveries.length === 0) return;
      left -= deliveries.length;
      const found: Found[] = [];
      for (const delivery of deliveries) {
        const letter = readLetter(delivery.body, codec);
        // Without a count, what died meanwhile must not keep us going for ever.
        const old = left < Infinity || letter.diedAt === undefined || letter.diedAt <= begun;
        if (old && options.takes(letter)) found.push({ letter, held: session.hold(delivery) });
        // Thousands may be passed over: without their bodies.
        else passed.push(session.hold({ ...delivery, body: EMPTY }));
      }
      if (found.length > 0) yield found;
    }
  } finally {
    await Promise.all(passed.map(settleUntouched));
    await session.close();
    signal.removeEventListener('abort', hurry);
  }
}

/** What there is, or nothing after a silence: the letters that were counted may be in other hands by now. */
async function receive(session: Session, max: number, clock: Clock, signal: AbortSignal) {
  const over = new AbortController();
  const end = (): void => over.abort();
  const cancel = clock.after(SILENCE, end);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await session.receive(max, over.signal);
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}

/** Settles as `work` does, or rejects with `FUNQ_BROKER_UNAVAILABLE` after five seconds. */
export function inTime<T>(work: Promise<T>, broker: string, clock: Clock, doing: string): Promise<T> {
  const late = (): Error =>
    new FunqError('FUNQ_BROKER_UNAVAILABLE', `broker '${broker}' did not answer ${doing} within ${DEADLINE} ms`);
  return withDeadline(clock, DEADLINE, work, late);
}

function outOfReach(queue: string): FunqError {
  return new FunqError(
    'FUNQ_OUT_OF_REACH',
    `${REACH} dead letters in ${queue} were passed over, and there are more; replay or remove some of the oldest first`,
  );
}
