import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { postgresCoordination, postgresResults, postgresStores } from 'nestjs-funq/stores/postgres';
import { conforms, coordinationConformance, resultConformance } from 'nestjs-funq/testing';
import type { TaskResult } from 'nestjs-funq';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const runner = { describe, it };

withService('postgres', (url) => {
  const schema = `funq_stores_${randomUUID().slice(0, 8)}`;
  const options = { url, schema };
  const refused: TaskResult = {
    id: 'a\0b', queue: 'q', status: 'done', attempts: 1, publishedAt: 1, startedAt: 2, finishedAt: 3, host: 'h', pid: 4,
  }; // prettier-ignore
  conforms('postgres coordination', coordinationConformance({ create: () => postgresCoordination(options) }), runner);
  conforms('postgres results', resultConformance({ create: () => postgresResults(options), refused }), runner);

  it('has both stores in one object over the same connections', async () => {
    const { results, coordination } = postgresStores(options);
    expect(results).toBe(coordination);
    await results.connect({ clock: new SystemClock() });
    expect(await coordination.claim('both', randomUUID(), 60_000)).toEqual({ state: 'claimed' });
    await results.save([{ ...refused, id: 'both' }]);
    expect(await results.find('both')).toMatchObject({ id: 'both', status: 'done' });
    await results.close();
    await coordination.close();
    await expect(results.find('both')).rejects.toMatchObject({ code: 'FUNQ_POSTGRES_CLOSED' });
  });

  afterAll(async () => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await client.end();
  });
});
