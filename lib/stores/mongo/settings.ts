import type { mongo } from 'mongoose';
import type { MongoOpened } from '../../brokers/mongo/session.js';

export interface SettingDocument {
  readonly _id: string;
  readonly value: string;
}

export const settingCollection = ({ collection }: MongoOpened): Promise<mongo.Collection<SettingDocument>> =>
  collection('settings');

/** The settings, a handful of documents. */
export class MongoSettings {
  constructor(private readonly documents: mongo.Collection<SettingDocument>) {}

  async set(key: string, value: string | undefined): Promise<void> {
    if (value === undefined) await this.documents.deleteOne({ _id: key });
    else await this.documents.replaceOne({ _id: key }, { value }, { upsert: true });
  }

  async list(prefix: string): Promise<ReadonlyMap<string, string>> {
    const all = await this.documents.find().toArray();
    return new Map(all.filter(({ _id }) => _id.startsWith(prefix)).map(({ _id, value }) => [_id, value]));
  }
}
