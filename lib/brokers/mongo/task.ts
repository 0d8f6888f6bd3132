import type { mongo } from 'mongoose';
import type { MongoOpened } from './session.js';

/** One message. Times are milliseconds since the epoch by the server's clock. */
export interface TaskDocument {
  readonly _id: mongo.ObjectId;
  readonly queue: string;
  /** `done`: consumed or purged, and kept only because its `mark` still keeps repeats away. */
  readonly state: 'ready' | 'delayed' | 'held' | 'done';
  readonly priority: number;
  /** Place among the messages of the queue, in order of publishing. */
  readonly seq: number;
  readonly due?: number;
  readonly expires?: number;
  /** Queue and id of a message whose repeats are dropped; unique among all documents. */
  readonly mark?: string;
  /** Until when repeats are dropped. */
  readonly until?: number;
  /** The consumer that holds it. */
  readonly owner?: string;
  /** By which of its claims. */
  readonly claim?: number;
  /** How often it was handed out. */
  readonly deliveries: number;
  readonly body: Uint8Array;
}

/** The last place that was given away in a queue, counted from `base`. */
export interface QueueDocument {
  readonly _id: string;
  /** When it was first used, in microseconds: a queue that was forgotten goes on with higher places than before. */
  readonly base: number;
  readonly seq: number;
  readonly usedAt: Date;
}

/** A queue is forgotten when nothing was published to it for so many seconds: queues for answers are new with each process. */
const FORGOTTEN = 30 * 24 * 3600;

export interface TaskCollections {
  readonly tasks: mongo.Collection<TaskDocument>;
  readonly queues: mongo.Collection<QueueDocument>;
}

/** What has no state of the named kind is in none of its index, so the million that wait are never walked. */
export async function taskCollections({ collection }: MongoOpened): Promise<TaskCollections> {
  const only = (state: TaskDocument['state']): mongo.Document => ({ partialFilterExpression: { state } });
  const [tasks, queues] = await Promise.all([
    collection<TaskDocument>(
      'tasks',
      { name: 'ready', key: { queue: 1, priority: -1, seq: 1 }, ...only('ready') },
      { name: 'delayed', key: { queue: 1, due: 1 }, ...only('delayed') },
      { name: 'held', key: { owner: 1, state: 1 }, ...only('held') },
      { name: 'done', key: { until: 1 }, ...only('done') },
      { name: 'expiring', key: { expires: 1 }, sparse: true },
      { name: 'mark', key: { mark: 1 }, unique: true, sparse: true },
    ),
    collection<QueueDocument>('queues', { name: 'used', key: { usedAt: 1 }, expireAfterSeconds: FORGOTTEN }),
  ]);
  return { tasks, queues };
}
