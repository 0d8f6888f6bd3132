import { randomUUID } from 'node:crypto';
import type { mongo } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import { hasEnded, thisProcess, type ProcessMark } from '../support/local-process.js';
import { SECOND_LOOK, Sightings } from '../support/sightings.js';
import type { MongoTasks } from './tasks.js';

/** One subscription, as long as it may hold messages. */
export interface ConsumerDocument extends ProcessMark {
  readonly _id: string;
  /** Signs of life. */
  readonly beats: number;
  /** Milliseconds. */
  readonly lease: number;
  /** It was given up; what it held is being given back. */
  readonly dead?: true;
}

/** Most that passes between two looks at the others, in milliseconds: how soon the messages of a process that died are taken up. */
const LOOK = 1000;
/** Milliseconds between two searches for messages whose holder is not there: a claim may arrive after its consumer was given up. */
const SEARCH = 10_000;

/** A sign of life of all consumers in a list of ids. */
export async function beatAll(consumers: mongo.Collection<ConsumerDocument>, ids: readonly string[]): Promise<void> {
  await consumers.updateMany(alive({ $in: ids }), { $inc: { beats: 1 } }, { writeConcern: { w: 1 } });
}

const alive = (_id: mongo.Condition<string>): mongo.Filter<ConsumerDocument> => ({ _id, dead: { $exists: false } });

/**
 * Who holds messages, and who of them is still there: one document for each subscription, whatever it holds.
 *
 * A consumer is dead when its process has ended, or when its count of beats stood still for its lease, see {@link Sightings}. It is
 * first marked as dead, so that it can't come back, then loses what it held, then goes; if that is cut short, the next look goes on.
 */
export class MongoConsumers {
  readonly #seen = new Sightings<string>();
  readonly #here: ProcessMark = thisProcess();
  #nextLook = -Infinity;
  #nextSearch = -Infinity;

  constructor(
    private readonly consumers: mongo.Collection<ConsumerDocument>,
    private readonly tasks: MongoTasks,
    private readonly clock: Clock,
  ) {}

  /** A new consumer. Its id is random, so a receipt of an earlier one never fits. */
  async register(lease: number): Promise<string> {
    const _id = randomUUID();
    await this.consumers.insertOne({ _id, beats: 0, lease, ...this.#here });
    this.#seen.note(_id, 0, this.clock.monotonic());
    return _id;
  }

  /** A sign of life, `due` by now or later. False when the consumer was given up for dead meanwhile: what it held is gone. */
  async beat(id: string, due: number): Promise<boolean> {
    const options = { returnDocument: 'after', writeConcern: { w: 1 } } as const;
    const found = await this.consumers.findOneAndUpdate(alive(id), { $inc: { beats: 1 } }, options);
    const now = this.clock.monotonic();
    if (found) this.#seen.note(id, found.beats, now);
    this.#seen.excuse(due, now);
    return found !== null;
  }

  /** Whether the consumer was not given up. */
  async isAlive(id: string): Promise<boolean> {
    return (await this.consumers.findOne(alive(id), { projection: { _id: 1 } })) !== null;
  }

  /** Ends a consumer; what it holds waits again. */
  async leave(id: string): Promise<void> {
    await this.consumers.updateOne({ _id: id }, { $set: { dead: true } });
    await this.#bury([id]);
  }

  /** Ends the consumers that are dead, at most every third of `lease`; true when messages came back by that. */
  async sweep(lease: number): Promise<boolean> {
    const now = this.clock.monotonic();
    if (now < this.#nextLook) return false;
    this.#nextLook = now + Math.min(LOOK, lease / 3);
    const [dead] = await Promise.all([this.#dead(now), this.tasks.sweep()]);
    const returned = dead.length > 0 ? await this.#bury(dead) : 0;
    return returned + (await this.#search(now)) > 0;
  }

  async #bury(ids: readonly string[]): Promise<number> {
    const returned = await this.tasks.abandon(ids);
    await this.consumers.deleteMany({ _id: { $in: ids } });
    return returned;
  }

  /** Marks those that are dead now. */
  async #dead(now: number): Promise<string[]> {
    const all = await this.consumers.find().toArray();
    this.#seen.keep(new Set(all.map(({ _id }) => _id)));
    const dead = await Promise.all(all.map(async (consumer) => (await this.#end(consumer, now)) && consumer._id));
    return dead.filter((id) => id !== false);
  }

  async #end(consumer: ConsumerDocument, now: number): Promise<boolean> {
    const { _id, beats, lease, dead } = consumer;
    if (dead) return true;
    const seen = this.#seen.look(_id, beats, lease, now);
    if (seen === 'suspected') this.#nextLook = Math.min(this.#nextLook, now + SECOND_LOOK);
    if (seen !== 'silent' && !hasEnded(consumer, this.#here)) return false;
    // Not if it beat since.
    return (await this.consumers.updateOne({ _id, beats }, { $set: { dead: true } })).matchedCount > 0;
  }

  /** Gives back what is held by nobody. Who is there was there before its first claim, so the holders are read first. */
  async #search(now: number): Promise<number> {
    if (now < this.#nextSearch) return 0;
    this.#nextSearch = now + SEARCH;
    const owners = await this.tasks.owners();
    if (owners.length === 0) return 0;
    const known = new Set(await this.consumers.distinct('_id'));
    const strangers = owners.filter((owner) => !known.has(owner));
    return strangers.length > 0 ? this.tasks.abandon(strangers) : 0;
  }
}
