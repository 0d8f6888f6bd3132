import type { mongo } from 'mongoose';
import { isDuplicate } from '../../brokers/mongo/error.js';
import type { MongoOpened } from '../../brokers/mongo/session.js';
import { dateOf, type ServerTime } from '../../brokers/mongo/time.js';
import type { FilterClaim } from '../../contracts/stores.js';

export interface FilterDocument {
  readonly _id: string;
  readonly owner: string;
  readonly done: boolean;
  /** Missing: for ever. */
  readonly until?: Date;
  readonly value?: Uint8Array;
}

/** The server's own removal only tidies up: what ran out counts for nothing before that. */
export const filterCollection = ({ collection }: MongoOpened): Promise<mongo.Collection<FilterDocument>> =>
  collection('filter', { name: 'until', key: { until: 1 }, expireAfterSeconds: 0 });

/** How often a claim looks again that was refused by something which is gone at the next look. */
const LOOKS = 5;

/** Claimed and executed keys: a document each, so each change is one atomic step. */
export class MongoFilter {
  constructor(
    private readonly keys: mongo.Collection<FilterDocument>,
    private readonly time: ServerTime,
  ) {}

  async claim(key: string, owner: string, lease: number): Promise<FilterClaim> {
    for (let look = 0; look < LOOKS; look++) {
      const change = {
        $set: { owner, done: false, until: dateOf(this.time.most + lease) },
        $unset: { value: '' as const },
      };
      if (await this.#put(key, [this.#over(), { owner, done: false }], change)) return { state: 'claimed' };
      const held = await this.keys.findOne({ _id: key, $nor: [this.#over()] });
      if (held?.done) return { state: 'done', own: held.owner === owner, ...(held.value && { value: held.value }) };
      if (held && held.owner !== owner) return { state: 'running' };
    }
    return { state: 'running' }; // Others take it and give it up all the time.
  }

  confirm(key: string, owner: string, ttl: number | undefined, value: Uint8Array | undefined): Promise<boolean> {
    const until = ttl === undefined ? undefined : dateOf(this.time.most + ttl);
    const gone = { ...(!until && { until: '' as const }), ...(!value && { value: '' as const }) };
    return this.#put(key, [this.#over(), { owner }], {
      $set: { owner, done: true, ...(until && { until }), ...(value && { value }) },
      // Servers before 5.0 refuse an operator that is empty.
      ...(Object.keys(gone).length > 0 && { $unset: gone }),
    });
  }

  async release(key: string, owner: string): Promise<void> {
    await this.keys.deleteOne({ _id: key, owner, done: false });
  }

  /** Writes where nothing stands, or where one of `replaced` does; false when something else does. */
  async #put(
    key: string,
    replaced: mongo.Filter<FilterDocument>[],
    change: mongo.UpdateFilter<FilterDocument>,
  ): Promise<boolean> {
    try {
      await this.keys.updateOne({ _id: key, $or: replaced }, change, { upsert: true });
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  #over(): mongo.Filter<FilterDocument> {
    return { until: { $lte: new Date(Math.floor(this.time.least)) } };
  }
}
