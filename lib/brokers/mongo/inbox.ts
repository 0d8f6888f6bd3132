import type { mongo } from 'mongoose';
import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import { driverError } from '../support/driver-error.js';
import { isDuplicate } from './error.js';
import type { QueueDocument, TaskCollections, TaskDocument } from './task.js';
import type { ServerTime } from './time.js';

type NewTask = Omit<TaskDocument, '_id'>;

/** The server takes 16 MiB a document; the rest of a message is far below the difference. */
const LARGEST = 16 * 2 ** 20 - 16 * 1024;

/** One server alone would answer a `majority` before its journal is written, so what it took last would be lost when it is killed. */
const DURABLE = { w: 'majority', journal: true } as const;

/** The way in: places in the order of publishing, and repeats that are dropped. */
export class MongoInbox {
  constructor(
    private readonly collections: TaskCollections,
    private readonly time: ServerTime,
  ) {}

  async add(queue: string, messages: readonly Outgoing[]): Promise<PublishFailure[]> {
    const last = await this.#reserve(queue, messages.length);
    const failures: PublishFailure[] = [];
    const tasks: NewTask[] = [];
    const indexes: number[] = [];
    const marks = new Set<string>();
    for (const [index, message] of messages.entries()) {
      const task = this.#taskOf(queue, message, last - messages.length + 1 + index);
      if (message.body.length + message.id.length * 3 > LARGEST) failures.push({ index, error: tooLarge(message) });
      else if (task.mark !== undefined && marks.has(task.mark)) failures.push(repeat(index, message));
      else {
        if (task.mark !== undefined) marks.add(task.mark);
        tasks.push(task);
        indexes.push(index);
      }
    }
    for (const at of await this.#insert(tasks)) failures.push(repeat(indexes[at]!, messages[indexes[at]!]!));
    return failures;
  }

  /** The last of `count` places. After a failover places may be given away twice: then two messages share one, and nothing else. */
  async #reserve(queue: string, count: number): Promise<number> {
    const change = {
      $inc: { seq: count },
      $setOnInsert: { base: Math.floor(this.time.most) * 1000 },
      $currentDate: { usedAt: true as const },
    };
    const options = { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } } as const;
    const reserve = (): Promise<QueueDocument | null> =>
      this.collections.queues.findOneAndUpdate({ _id: queue }, change, options);
    const found = await reserve().catch((error: unknown) => {
      if (isDuplicate(error)) return reserve(); // Another process came first with the first message of all.
      throw error;
    });
    return found!.base + found!.seq;
  }

  #taskOf(queue: string, { id, body, priority = 0, delay = 0, ttl, unique }: Outgoing, seq: number): NewTask {
    const now = this.time.most;
    return {
      queue,
      state: delay > 0 ? 'delayed' : 'ready',
      priority,
      seq,
      deliveries: 0,
      body,
      ...(delay > 0 && { due: now + delay }),
      ...(ttl !== undefined && { expires: now + ttl }),
      ...(unique !== undefined && { mark: `${queue}\n${id}`, until: now + unique }),
    };
  }

  /** Inserts, and resolves to the positions of those that are repeats. */
  async #insert(tasks: readonly NewTask[]): Promise<number[]> {
    const known = await this.#insertNew(tasks);
    if (known.length === 0 || !(await this.#free(known.map((at) => tasks[at]!.mark!)))) return known;
    return (await this.#insertNew(known.map((at) => tasks[at]!))).map((at) => known[at]!);
  }

  /** Resolves to the positions of those whose mark is there already. One document is one atomic step: it holds message and mark. */
  async #insertNew(tasks: readonly NewTask[]): Promise<number[]> {
    if (tasks.length === 0) return [];
    try {
      // Copies, for the client writes an `_id` into what it is given.
      await this.collections.tasks.insertMany(
        tasks.map((task) => ({ ...task }) as mongo.OptionalUnlessRequiredId<TaskDocument>),
        { ordered: false, writeConcern: DURABLE },
      );
      return [];
    } catch (error) {
      const { writeErrors = [], result } = error as Partial<mongo.MongoBulkWriteError>;
      const errors = [writeErrors].flat();
      const known = errors.length > 0 && errors.every(isDuplicate) && !result?.getWriteConcernError();
      if (known) return errors.map(({ index }) => index);
      throw error;
    }
  }

  /** Frees the marks whose time is over, whatever became of their messages; true when there were any. */
  async #free(marks: readonly string[]): Promise<boolean> {
    const over = { mark: { $in: marks }, until: { $lte: this.time.least } };
    return (await this.collections.tasks.updateMany(over, { $unset: { mark: '' } })).modifiedCount > 0;
  }
}

const repeat = (index: number, { id }: Outgoing): PublishFailure => ({
  index,
  error: new Error(`${id} was published before`),
  repeated: true,
});

const tooLarge = ({ id, body }: Outgoing): Error =>
  driverError(
    'FUNQ_MONGO_TOO_LARGE',
    `${id} has ${body.length} bytes; MongoDB takes 16 MiB a message with all its parts`,
  );
