import type { mongo } from 'mongoose';
import { isDuplicate } from '../../brokers/mongo/error.js';
import type { MongoOpened } from '../../brokers/mongo/session.js';
import type { ServerTime } from '../../brokers/mongo/time.js';

export interface RateDocument {
  readonly _id: string;
  /** The theoretical time of the next start, in milliseconds since the epoch. */
  readonly next: number;
  /** When the last start was reserved, in the same measure. */
  readonly at?: number;
}

export const rateCollection = ({ collection }: MongoOpened): Promise<mongo.Collection<RateDocument>> =>
  collection('rates', { name: 'next', key: { next: 1 } });

/** A key may become idle, or busy, between two steps; seldom twice. */
const STEPS = 10;
/** Reservations of this process after which keys that have been idle for as many milliseconds are removed. */
const SWEEP_EVERY = 1000;
const IDLE = 60_000;
/** By how much processes may differ about the server's time, in milliseconds: what is further ahead was reserved before its clock was set back. */
const APART = 1000;

/**
 * Each key's theoretical time of the next start, by the server's clock. While starts are reserved ahead, a reservation is one atomic
 * addition, so processes that reserve at once never try twice.
 */
export class MongoRate {
  #reservations = 0;

  constructor(
    private readonly rates: mongo.Collection<RateDocument>,
    private readonly time: ServerTime,
  ) {}

  /** Milliseconds until the first of the starts. */
  async reserve(key: string, interval: number, burst: number, permits: number): Promise<number> {
    if (++this.#reservations % SWEEP_EVERY === 0) await this.rates.deleteMany({ next: { $lte: this.#now - IDLE } });
    for (let step = 0; step < STEPS; step++) {
      const next = await this.#next(key, interval * permits);
      // Nothing comes before a whole burst, though the answer took its time.
      if (next !== undefined) return Math.max(next - this.#now, 0) - (burst - 1) * interval;
    }
    throw new Error(`no start could be reserved for ${key}: it changed ${STEPS} times meanwhile`);
  }

  get #now(): number {
    return this.time.most;
  }

  /** Takes `length` milliseconds of the key's schedule; resolves to where they begin, or to undefined when the key changed under way. */
  async #next(key: string, length: number): Promise<number | undefined> {
    const now = this.#now;
    if (length === 0) return Math.max(now, nextOf(await this.rates.findOne({ _id: key }), now));
    const busy = await this.rates.findOneAndUpdate(
      { _id: key, next: { $gt: now }, at: { $not: { $gt: now + APART } } },
      { $inc: { next: length }, $set: { at: now } },
      { returnDocument: 'before' },
    );
    if (busy) return busy.next;
    const idle = { _id: key, next: { $lte: now } };
    try {
      await this.rates.updateOne(idle, { $set: { next: now + length, at: now } }, { upsert: true });
      return now;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      await this.#setBack(key, now);
      return undefined;
    }
  }

  /** After the server's clock was set back, what is still reserved keeps its length: nobody waits until the old time is reached again. */
  async #setBack(key: string, now: number): Promise<void> {
    const found = await this.rates.findOne({ _id: key, at: { $gt: now + APART } });
    if (!found) return;
    const { next, at } = found;
    await this.rates.updateOne({ _id: key, next, at: at! }, { $set: { next: nextOf(found, now), at: now } });
  }
}

function nextOf(found: Pick<RateDocument, 'next' | 'at'> | null, now: number): number {
  const { next = now, at = now } = found ?? {};
  return at > now + APART ? now + Math.max(0, next - at) : next;
}
