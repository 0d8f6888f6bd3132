import { settleConsumed, settleGone, settleUntouched } from '../consuming/settle.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import { Gcra } from '../rates/gcra.js';
import { revive, taskOf, type LetterEdit } from './revive.js';
import type { StoredLetter } from './stored-letter.js';
import { BATCH, inTime, sizeOf, sweep, type Found, type SweepParts } from './sweep.js';

export interface DeadLettersOptions extends SweepParts {
  readonly events: Events;
  /** Largest message in bytes. */
  readonly maxPayload: number;
}

export interface LetterChoice {
  where(letter: StoredLetter): boolean;
  readonly limit: number;
  /** Ends the work early; what was not done stays as it was. */
  readonly signal: AbortSignal;
}

export interface ReplayChoice extends LetterChoice {
  /** Milliseconds between two letters, and how many may go at once after a pause. */
  readonly rate?: { readonly interval: number; readonly burst: number } | undefined;
  /** Queue to send to. Default: the one that each task came from. */
  readonly to?: string | undefined;
  readonly edit?: LetterEdit | undefined;
  /** Rejects when what was edited can't go to this queue. */
  check?(queue: string): Promise<unknown>;
}

/**
 * The dead letters of one broker. Works through the broker's ordinary verbs: letters are held by a lease while they are looked
 * at, so two processes never take the same one, and come back when the process dies. At least once: a task is published
 * before its letter is acknowledged.
 */
export class DeadLetters {
  constructor(private readonly options: DeadLettersOptions) {}

  /** Letters, oldest first; they stay where they are. */
  async list(queue: string, { where, limit, signal }: LetterChoice, skip = 0): Promise<StoredLetter[]> {
    const letters: StoredLetter[] = [];
    let skipped = 0;
    const takes = (letter: StoredLetter): boolean => {
      if (letters.length < limit && where(letter) && skipped++ >= skip) letters.push(letter);
      return false;
    };
    for await (const _ of sweep(this.options, { queue, more: () => letters.length < limit, takes, signal }));
    return letters;
  }

  /** How many letters wait in the queue, at once; undefined where the broker can't tell. */
  size(queue: string): Promise<number | undefined> {
    return sizeOf(this.options, queue);
  }

  /** Empties the queue at once, and resolves to how many that were; undefined where the broker can't. */
  async purge(queue: string): Promise<number | undefined> {
    const { outbox, name, clock } = this.options;
    return outbox.broker.purge && inTime(outbox.broker.purge(queue), name, clock, `purging ${queue}`);
  }

  async count(queue: string, { where, signal }: LetterChoice): Promise<number> {
    let count = 0;
    const takes = (letter: StoredLetter): boolean => {
      if (where(letter)) count++;
      return false;
    };
    for await (const _ of sweep(this.options, { queue, more: () => true, takes, signal }));
    return count;
  }

  /** Resolves to how many are gone. */
  remove(queue: string, choice: LetterChoice): Promise<number> {
    return this.#each(queue, 'removing', choice, BATCH, ({ held }) => settleGone(held));
  }

  /** Sends tasks back, oldest first; resolves to how many. A letter that names no queue stays, unless `to` does. */
  replay(queue: string, choice: ReplayChoice): Promise<number> {
    const { where, rate, to, edit, signal } = choice;
    const { clock } = this.options;
    const starts = new Gcra();
    const sendable = (letter: StoredLetter): boolean => (to ?? letter.queue) !== undefined && where(letter);
    // What waits for its turn is kept from others: about a second's worth.
    const batch = rate ? Math.min(BATCH, Math.max(1, Math.ceil(1000 / rate.interval))) : BATCH;
    return this.#each(queue, 'replaying', { ...choice, where: sendable }, batch, async (found) => {
      const wait = rate ? starts.reserve(clock.monotonic(), rate.interval, rate.burst, 1) : 0;
      if (wait > 0) await clock.sleep(wait, signal);
      if (signal.aborted || found.held.lost) return false;
      const target = (to ?? found.letter.queue)!;
      await choice.check?.(target);
      await this.#send(found.letter, target, queue, edit);
      await settleConsumed(found.held);
      return true;
    });
  }

  async #send(letter: StoredLetter, queue: string, deadLetter: string, edit: LetterEdit | undefined): Promise<void> {
    const { outbox, codec, clock, maxPayload, events } = this.options;
    const { priority } = outbox.broker.features;
    const message = revive(letter, { codec, now: clock.now(), maxPayload, priority, ...(edit && { edit }) });
    await outbox.publish(queue, message);
    events.emit('replayed', { queue, deadLetter, id: taskOf(letter, codec)?.id });
  }

  /** Counts the chosen letters that `work` took away. Another goes back to its place; one that it failed for ends the whole. */
  async #each(
    queue: string,
    doing: string,
    { where, limit, signal }: LetterChoice,
    batch: number,
    work: (found: Found) => Promise<boolean>,
  ): Promise<number> {
    let [taken, done] = [0, 0];
    const takes = (letter: StoredLetter): boolean => taken < limit && where(letter) && ++taken > 0;
    const settle = async (found: Found): Promise<void> => {
      let gone = false;
      try {
        gone = await work(found);
      } finally {
        if (!gone) await settleUntouched(found.held);
      }
      if (gone) done++;
    };
    for await (const found of sweep(this.options, { queue, batch, more: () => taken < limit, takes, signal })) {
      const outcomes = await Promise.allSettled(found.map(settle));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw interrupted(queue, doing, done, failed.reason as Error);
    }
    return done;
  }
}

function interrupted(queue: string, doing: string, done: number, error: Error): FunqError {
  const code = error instanceof FunqError ? error.code : 'FUNQ_BROKER_UNAVAILABLE';
  return new FunqError(code, `${doing} dead letters of ${queue} ended after ${done}: ${error.message}`, {
    cause: error,
  });
}
