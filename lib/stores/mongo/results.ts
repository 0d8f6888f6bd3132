import mongoose, { type mongo } from 'mongoose';
import { isDuplicate } from '../../brokers/mongo/error.js';
import type { MongoOpened } from '../../brokers/mongo/session.js';
import { dateOf } from '../../brokers/mongo/time.js';
import { driverError } from '../../brokers/support/driver-error.js';
import type { ResultQuery, TaskResult } from '../../contracts/stores.js';
import { pageOf } from '../support/paging.js';

/** A record as it is; bytes stay bytes, so no content is taken for a field or an operator. */
export interface ResultDocument extends Omit<TaskResult, 'id'> {
  readonly _id: string;
  /** When the server may remove it. */
  readonly expires?: Date;
}

type Outcome = Pick<TaskResult, 'finishedAt' | 'status' | 'attempts'>;

interface Failure {
  readonly index: number;
  readonly error: Error;
}

export interface Saved {
  readonly failures: readonly Failure[];
  /** The outcomes that were not known before. */
  readonly added: readonly TaskResult[];
}

/** The server takes 16 MiB a document. */
const LARGEST = 16 * 2 ** 20;

/** One index for each combination of filters, each in the order of the answer. */
export function resultCollection({ collection }: MongoOpened): Promise<mongo.Collection<ResultDocument>> {
  const newest = { finishedAt: -1, _id: -1 } as const;
  return collection(
    'results',
    { name: 'finished', key: newest },
    { name: 'queue', key: { queue: 1, ...newest } },
    { name: 'status', key: { status: 1, ...newest } },
    { name: 'queue_status', key: { queue: 1, status: 1, ...newest } },
    { name: 'expires', key: { expires: 1 }, expireAfterSeconds: 0 },
  );
}

/** The outcomes of tasks, a document each. */
export class MongoResults {
  /** `doubtful` keeps which outcomes may be there, though nobody heard that they are. */
  constructor(
    private readonly results: mongo.Collection<ResultDocument>,
    private readonly doubtful: Set<string>,
  ) {}

  async save(list: readonly TaskResult[]): Promise<Saved> {
    const before = new Set(this.doubtful);
    this.doubtful.clear();
    try {
      return await this.#save(list, before);
    } catch (error) {
      for (const result of list) this.doubtful.add(markOf(result));
      throw error;
    }
  }

  async #save(list: readonly TaskResult[], before: ReadonlySet<string>): Promise<Saved> {
    const failures: Failure[] = [];
    const fitting = [...lastOfEach(list).values()].filter((index) => {
      const error = refusal(list[index]!);
      if (error) failures.push({ index, error });
      return !error;
    });
    const refused = await this.#write(fitting.map((index) => list[index]!));
    const stale = new Set<string>();
    const standing = await this.#standing(refused.map(({ at }) => list[fitting[at]!]!.id));
    for (const { at, error } of refused) {
      const index = fitting[at]!;
      const result = list[index]!;
      if (!isDuplicate(error)) failures.push({ index, error });
      else if (!(await this.#replace(result, standing.get(result.id))) && !before.has(markOf(result)))
        stale.add(result.id);
    }
    for (const { index } of failures) stale.add(list[index]!.id);
    return { failures, added: list.filter(({ id }) => !stale.has(id)) };
  }

  async find(id: string, now: number): Promise<TaskResult | undefined> {
    const found = await this.results.findOne({ _id: { $eq: id }, ...lasting(now) });
    return found ? resultIn(found) : undefined;
  }

  async query(query: ResultQuery, now: number): Promise<TaskResult[]> {
    const { queue, status, from, until } = query;
    const { limit, skip } = pageOf(query);
    // `$eq` keeps what is no text from being taken for an operator.
    const filter: mongo.Filter<ResultDocument> = {
      ...lasting(now),
      ...(queue !== undefined && { queue: { $eq: queue } }),
      ...(status !== undefined && { status: { $eq: status } }),
      ...((from ?? until) !== undefined && { finishedAt: { $gte: from ?? -Infinity, $lt: until ?? Infinity } }),
    };
    const found = this.results.find(filter).sort({ finishedAt: -1, _id: -1 }).skip(skip);
    // No limit is what 0 means to the server.
    return limit === 0 ? [] : (await found.limit(limit).toArray()).map(resultIn);
  }

  /** Writes what is new or later than what stands there; resolves to the others, each with its reason. */
  async #write(list: readonly TaskResult[]): Promise<{ readonly at: number; readonly error: Error }[]> {
    if (list.length === 0) return [];
    const writes = list.map((result) => ({
      replaceOne: {
        filter: { _id: result.id, finishedAt: { $lt: result.finishedAt } },
        replacement: documentOf(result),
        upsert: true,
      },
    }));
    try {
      await this.results.bulkWrite(writes, { ordered: false });
      return [];
    } catch (error) {
      const { writeErrors = [], result } = error as Partial<mongo.MongoBulkWriteError>;
      const errors = [writeErrors].flat();
      if (errors.length === 0 || result?.getWriteConcernError()) throw error;
      return errors.map((each) => ({ at: each.index, error: asError(each) }));
    }
  }

  /** The records of these tasks, in one call: a batch whose answer was lost meets itself in each of them. */
  async #standing(ids: readonly string[]): Promise<ReadonlyMap<string, Outcome>> {
    if (ids.length === 0) return new Map();
    const projection = { finishedAt: 1, status: 1, attempts: 1 };
    const found = await this.results.find({ _id: { $in: [...ids] } }, { projection }).toArray();
    return new Map(found.map((each) => [each._id, each]));
  }

  /**
   * For what met the record `other` of its task: that one may be later, or this very outcome, saved before; or another process
   * inserted an earlier one just then. True when it was written.
   */
  async #replace(result: TaskResult, other: Outcome | undefined): Promise<boolean> {
    const { id, finishedAt, status, attempts } = result;
    if (!other || other.finishedAt > finishedAt || markOf({ ...other, id }) === markOf(result)) return false;
    const besides = { finishedAt, $or: [{ status: { $ne: status } }, { attempts: { $ne: attempts } }] };
    const earlier: mongo.Filter<ResultDocument> = { _id: id, $or: [{ finishedAt: { $lt: finishedAt } }, besides] };
    return (await this.results.replaceOne(earlier, documentOf(result))).matchedCount > 0;
  }
}

/** The position of each task's last outcome in the list. */
function lastOfEach(list: readonly TaskResult[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const [index, { id, finishedAt }] of list.entries()) {
    const known = last.get(id);
    if (known === undefined || list[known]!.finishedAt <= finishedAt) last.set(id, index);
  }
  return last;
}

/** Why the record itself can't be written; the client would refuse the whole list for it. */
function refusal(result: TaskResult): Error | undefined {
  try {
    const size = mongoose.mongo.BSON.calculateObjectSize({ _id: result.id, ...documentOf(result) });
    if (size <= LARGEST) return undefined;
    return driverError('FUNQ_MONGO_TOO_LARGE', `the record of ${result.id} has ${size} bytes; MongoDB takes 16 MiB`);
  } catch (error) {
    return error as Error;
  }
}

function documentOf(result: TaskResult): Omit<ResultDocument, '_id'> {
  const { expiresAt } = result;
  const { id: _id, ...rest } = result;
  return { ...rest, ...(expiresAt !== undefined && { expires: dateOf(expiresAt) }) };
}

function resultIn(document: ResultDocument): TaskResult {
  const { _id: id, expires: _expires, ...rest } = document;
  return { id, ...rest };
}

/** Names one outcome of a task. */
const markOf = ({ id, finishedAt, status, attempts }: Outcome & Pick<TaskResult, 'id'>): string =>
  `${finishedAt} ${status} ${attempts} ${id}`;

const lasting = (now: number): mongo.Filter<ResultDocument> => ({ expiresAt: { $not: { $lte: now } } });

const asError = ({ code, errmsg }: mongo.WriteError): Error =>
  Object.assign(new Error(errmsg ?? `the server refused the record with code ${code}`), { code });
