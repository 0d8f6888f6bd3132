import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

const URL = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const BENCH = 'funq-bench';

/** What a measurement may fill the server with; what earlier ones left goes away. */
export async function freshNamespace() {
  const client = connection();
  for await (const keys of client.scanStream({ match: `*${BENCH}*`, count: 1000 }))
    if (keys.length > 0) await client.unlink(keys);
  client.disconnect();
  return `${BENCH}-${randomUUID()}`;
}

export const redisUrl = URL;

export function connection(options = {}) {
  return new Redis(URL, { maxRetriesPerRequest: null, ...options });
}

/** Microseconds of processor time that the server has used. */
export async function redisCpu() {
  const client = connection();
  const told = await client.info('cpu');
  client.disconnect();
  const seconds = (field) => Number(new RegExp(`^${field}:(.*)`, 'm').exec(told)[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

/** What funq's codec writes for a task with one number. */
export function body(index) {
  return Buffer.from(
    `{"v":1,"id":"4e0b9a3e-7c1d-4b52-8f0e-1f9f3a6d2c11","args":[${index}],"publishedAt":1767225600000,"attempt":1}`,
  );
}
