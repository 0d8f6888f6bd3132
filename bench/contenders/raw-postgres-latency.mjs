import pg from 'pg';
import { CLAIM, databaseUrl, openTable, REMOVE } from '../support/postgres.mjs';
import { percentile } from '../support/timing.mjs';
import { paced } from './funq-latency.mjs';

/** Insert and NOTIFY in one statement, LISTEN, claim, start, delete: one connection for each of the three. */
export async function measure({ perSecond, tasks }) {
  const [publisher, listener, worker] = [await openTable(), ...(await Promise.all([connected(), connected()]))];
  const waits = [];
  const text = `WITH stored AS (INSERT INTO tasks (queue, body) VALUES ($1, $2)) SELECT pg_notify('bench', $1)`;
  await listener.query('LISTEN bench');
  await new Promise((resolve, reject) => {
    let [told, working] = [false, false];
    const work = async () => {
      told = true;
      if (working) return;
      working = true;
      while (told) {
        told = false;
        const { rows } = await worker.query({ ...CLAIM, values: ['bench', 100] });
        for (const { body } of rows) waits.push(performance.now() - Number(body.toString()));
        if (rows.length > 0) await worker.query({ ...REMOVE, values: [rows.map(({ seq }) => seq)] });
      }
      working = false;
      if (waits.length === tasks) resolve();
    };
    listener.on('notification', () => work().catch(reject));
    const send = () =>
      publisher.query({ name: 'publish', text, values: ['bench', Buffer.from(`${performance.now()}`)] });
    paced(tasks, perSecond, send).catch(reject);
  });
  const counted = waits.slice(tasks / 10);
  return { half: percentile(counted, 0.5), most: percentile(counted, 0.99) };
}

async function connected() {
  const client = new pg.Client(databaseUrl());
  await client.connect();
  await client.query('SET search_path = funq_bench');
  return client;
}
