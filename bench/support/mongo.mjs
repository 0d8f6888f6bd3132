import { createHash, randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { mongo } from 'nestjs-funq/mongo';
import { mongoCoordination } from 'nestjs-funq/stores/mongo';

const PREFIX = 'funqbench';

function databaseUrl() {
  const url = process.env.MONGODB_URL;
  if (url) return url;
  throw new Error('set MONGODB_URL to a MongoDB database for benchmarks, or run npm run services');
}

/** `file` names the collections, which processes that have it share. */
export function openMongo({ file }) {
  const collection = `${PREFIX}${createHash('sha256').update(file).digest('hex').slice(0, 12)}`;
  const options = { url: databaseUrl(), collection };
  return { broker: mongo(options), coordination: mongoCoordination(options) };
}

/** A collection that holds nothing but what queues need, after what earlier measurements left was removed. */
export async function openCollection() {
  const connection = await mongoose.createConnection(databaseUrl()).asPromise();
  for (const { name } of await connection.db.listCollections().toArray())
    if (name.startsWith(PREFIX)) await connection.db.dropCollection(name);
  const tasks = connection.db.collection(`${PREFIX}_${randomUUID()}`, { writeConcern: { w: 'majority' } });
  await tasks.createIndex({ queue: 1, owner: 1, _id: 1 });
  return { tasks, close: () => connection.close() };
}
