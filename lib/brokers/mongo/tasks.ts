import { randomInt } from 'node:crypto';
import type { mongo } from 'mongoose';
import type { TaskDocument } from './task.js';
import type { ServerTime } from './time.js';

/** The most that one claim takes: large bodies in large numbers would hold up everybody else. */
const MOST = 256;

type TaskId = mongo.ObjectId;
type Filter = mongo.Filter<TaskDocument>;
type Candidate = Pick<TaskDocument, '_id' | 'deliveries' | 'body' | 'mark' | 'claim'>;

const WAITING: Filter = { state: { $in: ['ready', 'delayed'] } };
const SHOWN = { deliveries: 1, body: 1, mark: 1, claim: 1 };
const FREE = { $set: { state: 'ready' }, $unset: { owner: '', claim: '' } } as const;
const TOMBSTONE = { $set: { state: 'done' }, $unset: { body: '', owner: '', claim: '', expires: '' } } as const;

/** One message that was claimed. */
export interface Claimed {
  readonly id: TaskId;
  /** Of which claim, by chance: of one that was given up for dead, a late one may still arrive, and is not confused with the first. */
  readonly claim: number;
  readonly body: Uint8Array;
  /** How often it was handed out before. */
  readonly redelivered: number;
  /** Repeats of it are dropped, so a trace of it stays. */
  readonly marked: boolean;
}

/** What is needed to settle it. */
export type Receipt = Pick<Claimed, 'id' | 'claim' | 'marked'>;

/**
 * The collection of messages. Each change of a message is one atomic step that names the state, or the owner, which it starts from;
 * of several who try, one wins.
 */
export class MongoTasks {
  constructor(
    private readonly tasks: mongo.Collection<TaskDocument>,
    private readonly time: ServerTime,
  ) {}

  /**
   * Hands up to `max` ready messages to `owner`, in order: the best are looked up, taken in one step where they are still there, and
   * looked up again only if others were quicker with some. `contended` when all were gone.
   */
  async claim(queue: string, owner: string, max: number): Promise<{ claimed: Claimed[]; contended: boolean }> {
    const alive = { expires: { $not: { $lte: this.time.least } } };
    const found = await this.tasks
      .find<Candidate>({ queue, state: 'ready', ...alive }, { projection: SHOWN })
      .sort({ priority: -1, seq: 1 })
      .limit(Math.min(max, MOST))
      .toArray();
    if (found.length === 0) return { claimed: [], contended: false };
    const ids = { $in: found.map(({ _id }) => _id) };
    await this.#mend(found);
    const claim = randomInt(2 ** 47);
    const { modifiedCount } = await this.tasks.updateMany(
      { _id: ids, state: 'ready' },
      { $set: { state: 'held', owner, claim }, $inc: { deliveries: 1 } },
    );
    if (modifiedCount === found.length)
      return { claimed: found.map((task) => claimedOf({ ...task, claim })), contended: false };
    const won = await this.tasks.find({ _id: ids, owner, claim }, { projection: { deliveries: 1 } }).toArray();
    const counts = new Map(won.map(({ _id, deliveries }) => [String(_id), deliveries - 1]));
    const claimed = found
      .filter(({ _id }) => counts.has(String(_id)))
      .map((task) => claimedOf({ ...task, claim }, counts.get(String(task._id))));
    return { claimed, contended: true };
  }

  /** What `owner` holds, though not more than `max` and none of `known`: claims whose answer was lost. */
  async recover(owner: string, known: readonly TaskId[], max: number): Promise<Claimed[]> {
    const filter: Filter = { owner, state: 'held', ...(known.length > 0 && { _id: { $nin: known } }) };
    const found = await this.tasks.find<Candidate>(filter, { projection: SHOWN }).limit(Math.min(max, MOST)).toArray();
    return found.map((task) => claimedOf(task, task.deliveries - 1));
  }

  /** Removes those that `owner` holds by these claims; resolves to how many those were. */
  async ack(owner: string, receipts: readonly Receipt[]): Promise<number> {
    const [marked, plain] = [true, false].map((kind) => receipts.filter((receipt) => receipt.marked === kind));
    const [gone, kept] = await Promise.all([
      plain!.length > 0 ? this.tasks.deleteMany(heldBy(owner, plain!)) : undefined,
      marked!.length > 0 ? this.tasks.updateMany(heldBy(owner, marked!), TOMBSTONE) : undefined,
    ]);
    return (gone?.deletedCount ?? 0) + (kept?.modifiedCount ?? 0);
  }

  /** Those that `owner` holds by these claims wait again, as if they had not been handed out; resolves to how many those were. */
  async release(owner: string, receipts: readonly Receipt[]): Promise<number> {
    return (await this.tasks.updateMany(heldBy(owner, receipts), { ...FREE, $inc: { deliveries: -1 } })).modifiedCount;
  }

  /** All that these owners hold waits again, counted as handed out; resolves to how many those were. */
  async abandon(owners: readonly string[]): Promise<number> {
    return (await this.tasks.updateMany({ owner: { $in: owners }, state: 'held' }, FREE)).modifiedCount;
  }

  /** Everyone who holds something. */
  owners(): Promise<string[]> {
    return this.tasks.distinct('owner', { state: 'held' }) as Promise<string[]>;
  }

  /** Makes ready what fell due; resolves to the milliseconds until the next one does. */
  async mature(queue: string): Promise<number> {
    const [next] = await this.tasks
      .find<Pick<TaskDocument, 'due'>>({ queue, state: 'delayed' }, { projection: { due: 1 } })
      .sort({ due: 1 })
      .limit(1)
      .toArray();
    if (!next) return Infinity;
    const now = this.time.least;
    if (typeof next.due === 'number' && next.due > now) return next.due - now;
    // What is not later than now, and also what is no number.
    await this.tasks.updateMany({ queue, state: 'delayed', due: { $not: { $gt: now } } }, { $set: { state: 'ready' } });
    return 0;
  }

  /** Removes, of all queues, what nobody wants any more and the marks that ran out. */
  async sweep(): Promise<void> {
    const now = this.time.least;
    await Promise.all([
      this.#remove({ ...WAITING, expires: { $lte: now } }),
      this.tasks.deleteMany({ state: 'done', until: { $lte: now } }),
    ]);
  }

  async count(queue: string): Promise<number> {
    const now = this.time.least;
    return this.tasks.countDocuments({
      queue,
      $or: [{ state: 'ready' }, { state: 'delayed', due: { $lte: now } }],
      expires: { $not: { $lte: now } },
    });
  }

  /** Removes all that waits; resolves to how many those were. */
  purge(queue: string): Promise<number> {
    return this.#remove({ queue, ...WAITING });
  }

  async #remove(filter: Filter): Promise<number> {
    const { modifiedCount } = await this.tasks.updateMany({ ...filter, mark: { $exists: true } }, TOMBSTONE);
    return modifiedCount + (await this.tasks.deleteMany({ ...filter, mark: { $exists: false } })).deletedCount;
  }

  /** A count that is no number would make the server refuse the whole claim, again and again. */
  async #mend(found: readonly Candidate[]): Promise<void> {
    const foreign = found.filter(({ deliveries }) => deliveries !== undefined && typeof deliveries !== 'number');
    if (foreign.length === 0) return;
    await this.tasks.updateMany({ _id: { $in: foreign.map(({ _id }) => _id) } }, { $set: { deliveries: 0 } });
  }
}

function heldBy(owner: string, receipts: readonly Receipt[]): Filter {
  const claims = [...new Set(receipts.map(({ claim }) => claim))];
  return { _id: { $in: receipts.map(({ id }) => id) }, owner, state: 'held', claim: { $in: claims } };
}

function claimedOf({ _id, claim, body, deliveries, mark }: Candidate, redelivered = deliveries): Claimed {
  const count = typeof redelivered === 'number' ? redelivered : 0;
  return { id: _id, claim: claim!, body: bytesOf(body), redelivered: count, marked: mark !== undefined };
}

/** What others wrote in place of a body is handed out as it can be shown: the core finds that it is no task. */
function bytesOf(body: unknown): Uint8Array {
  return body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body) ?? '');
}
