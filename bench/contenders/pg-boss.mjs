import PgBoss from 'pg-boss';
import { databaseUrl, emptyDatabase, peerSchema } from '../support/postgres.mjs';
import { inFlight, timed, warmed } from '../support/timing.mjs';

/** The most that it is at ease with in one call. */
const BATCH = 500;

/** Fetches and completes in batches without its poll interval. `way` as for graphile-worker. */
export async function measure({ tasks, way = 'consume' }) {
  await (await emptyDatabase()).end();
  const boss = new PgBoss({
    connectionString: databaseUrl(), schema: peerSchema('pgboss'), max: 10, supervise: false, schedule: false,
  }); // prettier-ignore
  boss.on('error', () => undefined);
  await boss.start();
  await boss.createQueue('bench');
  const many = async (count) => {
    for (let at = 0; at < count; at += BATCH)
      await boss.insert(Array.from({ length: BATCH }, (_, index) => ({ name: 'bench', data: { args: [at + index] } })));
  };
  const single = (count) => inFlight(count, 1000, (index) => boss.send('bench', { args: [index] }));
  const lane = async () => {
    for (;;) {
      const jobs = await boss.fetch('bench', { batchSize: BATCH });
      if (jobs.length === 0) return;
      await boss.complete('bench', jobs.map(({ id }) => id)); // prettier-ignore
    }
  };
  const drained = async (count) => {
    await many(count);
    globalThis.gc?.();
    return timed(count, () => Promise.all([lane(), lane()]));
  };
  if (way === 'consume') return warmed(() => drained(tasks / 4), () => drained(tasks)); // prettier-ignore
  const publish = way === 'many' ? many : single;
  return warmed(() => publish(tasks / 4), () => timed(tasks, () => publish(tasks))); // prettier-ignore
}
