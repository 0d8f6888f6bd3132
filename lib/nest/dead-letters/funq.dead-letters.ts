import { setMaxListeners } from 'node:events';
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { LetterChoice } from '../../core/dead-letters/dead-letters.js';
import type { StoredLetter } from '../../core/dead-letters/stored-letter.js';
import { FunqError } from '../../core/errors.js';
import { checkArguments } from '../consuming/arguments.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import {
  letterOptions,
  readEdit,
  readIds,
  readListLimit,
  readReplay,
  readWhere,
  type LetterFilter,
  type ListOptions,
  type ReplayOneOptions,
  type ReplayOptions,
} from './dead-letter.options.js';
import { DeadLetterPlaces, type Place } from './dead-letter.places.js';

export type { StoredLetter } from '../../core/dead-letters/stored-letter.js';

/**
 * Looks after dead letters. Every method takes a queue, and means the letters of its tasks wherever its consumer sends them
 * (`<queue>.dead` for one that this app does not have), or the name of a dead-letter queue, and means all that lie in it.
 *
 * Letters are held while they are looked at, and come back to their places: what is in other hands is not seen, and two
 * processes never take the same one. Rejects with a `FunqError`: `FUNQ_OPTION_INVALID` and `FUNQ_QUEUE_NAME` before anything
 * is touched, `FUNQ_OUT_OF_REACH` when more than 50,000 letters were passed over, `FUNQ_CLOSED` at shutdown, or what the broker says.
 *
 * @publicApi
 */
@Injectable()
export class FunqDeadLetters implements BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #working = new Set<Promise<unknown>>();

  constructor(
    private readonly catalog: ConsumerCatalog,
    private readonly places: DeadLetterPlaces,
  ) {}

  /** Letters, oldest first. They stay where they are. */
  async list(queue: string, options: ListOptions = {}): Promise<readonly StoredLetter[]> {
    const reader = letterOptions(queue, options, ['limit', 'skip']);
    const { limit, skip } = readListLimit(reader);
    const place = this.places.find(queue, reader.text('broker'));
    const where = readWhere(reader);
    return this.#work((signal) => place.letters.list(place.queue, chosen(place, where, limit, signal), skip));
  }

  async count(queue: string, options: LetterFilter = {}): Promise<number> {
    const reader = letterOptions(queue, options);
    const place = this.places.find(queue, reader.text('broker'));
    const where = readWhere(reader);
    const all = !place.belongs && ['ids', 'code', 'where'].every((key) => reader.get(key) === undefined);
    const counted = all ? await place.letters.size(place.queue) : undefined;
    return counted ?? this.#work((signal) => place.letters.count(place.queue, chosen(place, where, Infinity, signal)));
  }

  /**
   * Sends tasks back, oldest first, and resolves to how many. Each begins anew: first attempt, published now, errors kept. It
   * is published before its letter is removed, so a process that dies in between leaves both. What could not be read when
   * it died goes as it was. A message that is no dead letter at all needs `to`.
   */
  async replay(queue: string, options: ReplayOptions = {}): Promise<number> {
    const reader = letterOptions(queue, options, ['limit', 'rate', 'to', 'signal']);
    const { limit, signal: given, ...how } = readReplay(reader);
    const place = this.places.find(queue, reader.text('broker'));
    const where = readWhere(reader);
    return this.#work(
      (signal) => place.letters.replay(place.queue, { ...chosen(place, where, limit, signal), ...how }),
      given,
    );
  }

  /**
   * Replays the oldest letter of that id (its own, or its task's), changed as `edit` says. Throws `FUNQ_LETTER_UNKNOWN` when
   * there is none, and `FUNQ_SCHEMA` for new arguments that the consumer's schema refuses.
   */
  async replayOne(queue: string, id: string, edit: ReplayOneOptions = {}): Promise<void> {
    const { broker, ...how } = readEdit(queue, edit);
    const place = this.places.find(queue, broker);
    const reader = letterOptions(queue, { ids: readIds(queue, [id]) });
    const where = readWhere(reader);
    const args = how.edit?.args;
    const check = async (target: string): Promise<void> => {
      const consumer = this.catalog.ofQueue(target, place.broker);
      if (consumer && args) await checkArguments(consumer, args);
    };
    const done = await this.#work((signal) =>
      place.letters.replay(place.queue, { ...chosen(place, where, 1, signal), ...how, check }),
    );
    if (done === 0) throw unknown(place.queue, id);
  }

  /** Resolves to how many are gone for ever. */
  async remove(queue: string, ids: readonly string[] | (LetterFilter & { limit?: number })): Promise<number> {
    const filter = isList(ids) ? { ids: readIds(queue, ids) } : ids;
    const reader = letterOptions(queue, filter, ['limit']);
    const { limit } = readReplay(reader);
    if (!isLimited(filter)) throw reader.invalid('where', 'something must say which letters; purge() removes all');
    const place = this.places.find(queue, reader.text('broker'));
    const where = readWhere(reader);
    return this.#work((signal) => place.letters.remove(place.queue, chosen(place, where, limit, signal)));
  }

  /** Removes all of them, and resolves to how many that were. */
  async purge(queue: string, options: { readonly broker?: string } = {}): Promise<number> {
    const reader = letterOptions(queue, options);
    const place = this.places.find(queue, reader.text('broker'));
    const purged = place.belongs ? undefined : await place.letters.purge(place.queue);
    return (
      purged ??
      this.#work((signal) =>
        place.letters.remove(
          place.queue,
          chosen(place, () => true, Infinity, signal),
        ),
      )
    );
  }

  /** What is under way stops, and gives back what it holds, before brokers close. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#working);
  }

  async #work<T>(start: (signal: AbortSignal) => Promise<T>, own?: AbortSignal): Promise<T> {
    const { signal: stopping } = this.#stop;
    if (stopping.aborted) throw closed();
    const signal = own ? AbortSignal.any([stopping, own]) : stopping;
    // Every letter that waits for its turn listens.
    setMaxListeners(0, signal);
    const work = start(signal);
    this.#working.add(work);
    try {
      const result = await work;
      if (stopping.aborted) throw closed();
      return result;
    } finally {
      this.#working.delete(work);
    }
  }
}

function chosen({ belongs }: Place, where: (letter: StoredLetter) => boolean, limit: number, signal: AbortSignal) {
  const choice: LetterChoice = { where: belongs ? (letter) => belongs(letter) && where(letter) : where, limit, signal };
  return choice;
}

function closed(): FunqError {
  return new FunqError('FUNQ_CLOSED', 'the work on dead letters ended early: the app is shutting down');
}

function unknown(queue: string, id: string): FunqError {
  return new FunqError(
    'FUNQ_LETTER_UNKNOWN',
    `there is no dead letter '${id}' in ${queue} that could be replayed; it may be gone, in other hands, or need { to }`,
  );
}

function isLimited({ ids, code, where, limit }: LetterFilter & { limit?: number }): boolean {
  return [ids, code, where, limit].some((condition) => condition !== undefined);
}

function isList(ids: readonly string[] | LetterFilter): ids is readonly string[] {
  return Array.isArray(ids);
}
