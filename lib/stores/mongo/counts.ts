import type { mongo } from 'mongoose';
import type { MongoOpened } from '../../brokers/mongo/session.js';
import { driverError } from '../../brokers/support/driver-error.js';
import type { CountPeriod, CountQuery, ResultCount, TaskResult } from '../../contracts/stores.js';

export interface CountDocument extends Omit<ResultCount, 'at'> {
  readonly _id: string;
  readonly per: CountPeriod;
  readonly at: Date;
  readonly expires: Date;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The length of each period, and how long its counts are kept. */
const PERIODS: Readonly<Record<CountPeriod, { readonly length: number; readonly kept: number }>> = {
  second: { length: SECOND, kept: HOUR },
  minute: { length: MINUTE, kept: 2 * DAY },
  hour: { length: HOUR, kept: 60 * DAY },
  day: { length: DAY, kept: 730 * DAY },
};

export const countCollection = ({ collection }: MongoOpened): Promise<mongo.Collection<CountDocument>> =>
  collection(
    'counts',
    { name: 'queue', key: { per: 1, queue: 1, at: 1 } },
    { name: 'at', key: { per: 1, at: 1 } },
    { name: 'expires', key: { expires: 1 }, expireAfterSeconds: 0 },
  );

export type Counted = Omit<CountDocument, 'expires'>;

/** How many outcomes there were, a document for each period, queue and status, added to by `$inc`: reading scans no results. */
export class MongoCounts {
  /** `pending` keeps what could not be written yet. */
  constructor(
    private readonly counts: mongo.Collection<CountDocument>,
    private readonly pending: Map<string, Counted>,
  ) {}

  /** Counts outcomes. What the server does not take now goes with the next, so the records themselves are not held up. */
  async add(results: readonly TaskResult[]): Promise<void> {
    for (const { queue, status, finishedAt } of results) {
      for (const [per, { length }] of Object.entries(PERIODS) as [CountPeriod, { length: number }][]) {
        const at = Math.floor(finishedAt / length) * length;
        this.#note({ _id: `${per} ${at} ${status} ${queue}`, per, at: new Date(at), queue, status, count: 1 });
      }
    }
    const batch = [...this.pending.values()];
    if (batch.length === 0) return;
    this.pending.clear();
    const writes = batch.map(({ _id, count, ...rest }) => {
      const { length, kept } = PERIODS[rest.per];
      const expires = new Date(rest.at.getTime() + length + kept);
      return {
        updateOne: { filter: { _id }, update: { $inc: { count }, $setOnInsert: { ...rest, expires } }, upsert: true },
      };
    });
    await this.counts.bulkWrite(writes, { ordered: false }).catch((error: unknown) => {
      for (const at of failedOf(error, batch.length)) this.#note(batch[at]!);
    });
  }

  /** Oldest first. */
  async read({ per, queue, status, from, until }: CountQuery, now: number): Promise<ResultCount[]> {
    if (!Object.hasOwn(PERIODS, per))
      throw driverError(
        'FUNQ_RESULTS_QUERY',
        `results: \`per\` is ${String(per)}, but must be one of ${Object.keys(PERIODS).join(', ')}`,
      );
    const range = { $gte: new Date(from ?? 0), ...(until !== undefined && { $lt: new Date(until) }) };
    const found = await this.counts
      .find({
        per: { $eq: per },
        at: range,
        expires: { $gt: new Date(now) },
        ...(queue !== undefined && { queue: { $eq: queue } }),
        ...(status !== undefined && { status: { $eq: status } }),
      })
      .sort({ at: 1 })
      .toArray();
    return found.map((each) => ({ at: each.at.getTime(), queue: each.queue, status: each.status, count: each.count }));
  }

  #note(counted: Counted): void {
    const count = (this.pending.get(counted._id)?.count ?? 0) + counted.count;
    this.pending.set(counted._id, { ...counted, count });
  }
}

/** The positions that were not written; all of them when nothing is known. */
function failedOf(error: unknown, count: number): number[] {
  const errors = [(error as Partial<mongo.MongoBulkWriteError>).writeErrors ?? []].flat();
  return errors.length > 0 ? errors.map(({ index }) => index) : Array.from({ length: count }, (_, index) => index);
}
