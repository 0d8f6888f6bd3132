import type { mongo } from 'mongoose';
import type { MongoOpened } from '../../brokers/mongo/session.js';
import type { ServerTime } from '../../brokers/mongo/time.js';
import type { WorkerReport } from '../../contracts/stores.js';

export interface WorkerDocument {
  readonly _id: string;
  /** As JSON, for names of queues may hold dots. */
  readonly report: string;
  readonly until: Date;
}

export const workerCollection = ({ collection }: MongoOpened): Promise<mongo.Collection<WorkerDocument>> =>
  collection('workers', { name: 'until', key: { until: 1 }, expireAfterSeconds: 0 });

/** The live processes, a handful of documents. */
export class MongoPresence {
  constructor(
    private readonly workers: mongo.Collection<WorkerDocument>,
    private readonly time: ServerTime,
  ) {}

  async report(worker: WorkerReport, ttl: number): Promise<void> {
    const document = { report: JSON.stringify(worker), until: new Date(Math.ceil(this.time.most + ttl)) };
    await this.workers.replaceOne({ _id: worker.id }, document, { upsert: true });
  }

  async withdraw(id: string): Promise<void> {
    await this.workers.deleteOne({ _id: id });
  }

  async list(): Promise<WorkerReport[]> {
    const alive = this.workers.find({ until: { $gt: new Date(Math.floor(this.time.least)) } }).sort({ _id: 1 });
    return (await alive.toArray()).flatMap(({ report }) => reportIn(report) ?? []);
  }
}

/** What somebody else wrote there is no report. */
function reportIn(text: string): WorkerReport | undefined {
  try {
    return JSON.parse(text) as WorkerReport;
  } catch {
    return undefined;
  }
}
