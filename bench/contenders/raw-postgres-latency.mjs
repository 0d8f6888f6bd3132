import pg from 'pg';
import { latency } from '../support/latency.mjs';
import { CLAIM, databaseUrl, openTable, REMOVE } from '../support/postgres.mjs';

const PUBLISH = `WITH stored AS (INSERT INTO tasks (queue, body) VALUES ($1, $2)) SELECT pg_notify('bench', $1)`;

/** Insert and NOTIFY in one statement, LISTEN, claim, start, delete: one connection for each of the three. */
export function measure(pace) {
  return latency(pace, async (started) => {
    const [publisher, listener, worker] = [await openTable(), ...(await Promise.all([connected(), connected()]))];
    await listener.query('LISTEN bench');
    let [told, working] = [false, false];
    const work = async () => {
      told = true;
      if (working) return;
      working = true;
      while (told) {
        told = false;
        const { rows } = await worker.query({ ...CLAIM, values: ['bench', 100] });
        for (const { body } of rows) started(Number(body.toString()));
        if (rows.length > 0) await worker.query({ ...REMOVE, values: [rows.map(({ seq }) => seq)] });
      }
      working = false;
    };
    listener.on('notification', () => void work());
    const store = (at) => publisher.query({ name: 'publish', text: PUBLISH, values: ['bench', Buffer.from(`${at}`)] });
    // The client wants one query at a time.
    let stored = Promise.resolve();
    return { send: (at) => (stored = stored.then(() => store(at))) };
  });
}

async function connected() {
  const client = new pg.Client(databaseUrl());
  await client.connect();
  await client.query('SET search_path = funq_bench');
  return client;
}
