import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Consumer, FunqDeadLetters, type FunqPublisher } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { postgresStores } from 'nestjs-funq/stores/postgres';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { boot, type Booted } from '../nest/support/app.js';
import { ownPostgres, withOwnPostgres, type OwnPostgres } from '../services/own-postgres.js';
import { proxyTo } from '../services/proxy-to.js';

/** Milliseconds until consumption goes on: after the port answers, and after connections fell silent. */
const RESUMED = 5000;
const DETECTED = 15_000;

@Injectable()
class Work {
  readonly done = new Set<number>();
  readonly #waiting = new Set<() => void>();

  @Consumer({ queue: 'work', concurrency: 10, filter: true })
  run(n: number): void {
    this.done.add(n);
    for (const look of this.#waiting) look();
    this.#waiting.clear();
  }

  /** Resolves to the milliseconds until `n` was run. */
  async until(n: number): Promise<number> {
    const from = performance.now();
    while (!this.done.has(n)) await new Promise<void>((look) => this.#waiting.add(look));
    return performance.now() - from;
  }
}

withOwnPostgres('postgres, restarted and cut off', () => {
  let own: OwnPostgres;
  // The kit asks for the features before there is a server.
  const url = (): string => own?.url ?? 'postgres://localhost/later';
  beforeAll(async () => void (own = await ownPostgres()), 60_000);
  afterAll(() => own.remove());

  const restart = async (): Promise<void> => {
    await own.stop('immediate');
    await own.start();
  };
  const cases = brokerConformance({ create: () => postgres({ url: url(), schema: 'kit' }), pulse: true, restart });
  conforms('kit', cases.filter(({ name }) => name.startsWith('restart')), { describe, it }); // prettier-ignore

  async function app(schema: string, url = own.url, consume = true): Promise<Booted & { work: Work }> {
    const options = {
      consume,
      brokers: { default: postgres({ url, schema }) },
      stores: postgresStores({ url, schema }),
    };
    const booted = await boot({ providers: [Work] }, options);
    return { ...booted, work: booted.app.get(Work) };
  }

  /** Publishes until a publish resolves, as a user would who must get it through. */
  async function persist(funq: FunqPublisher, n: number): Promise<void> {
    for (;;) {
      try {
        return void (await funq.to(Work).run(n));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  it.each(['fast', 'immediate'] as const)(
    'consumption goes on within 5 seconds of a restart (%s), five times, and nothing is lost',
    { timeout: 120_000 },
    async (mode) => {
      const { funq, work } = await app(`restart_${mode}`);
      let n = 0;
      for (let round = 0; round < 5; round++) {
        const before = Array.from({ length: 50 }, () => persist(funq, n++));
        await own.stop(mode);
        await own.start();
        const from = performance.now();
        await Promise.all(before);
        await persist(funq, n++);
        await work.until(n - 1);
        expect(performance.now() - from).toBeLessThan(RESUMED);
      }
      for (let each = 0; each < n; each++) await work.until(each);
      expect(await connections(own)).toBeLessThanOrEqual(11);
    },
  );

  it('an app boots while the server is down, and works once it is up', { timeout: 60_000 }, async () => {
    await own.stop();
    const { funq, work } = await app('late');
    await expect(funq.to(Work).run(0)).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    await own.start();
    const from = performance.now();
    await persist(funq, 1);
    await work.until(1);
    expect(performance.now() - from).toBeLessThan(RESUMED + 1000);
  });

  it('every connection is ended, five times, and others take their place', { timeout: 60_000 }, async () => {
    const { funq, work } = await app('ended');
    for (let round = 0; round < 5; round++) {
      await asAdmin(
        own,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND backend_type = 'client backend'`,
      );
      await persist(funq, round);
      expect(await work.until(round)).toBeLessThan(RESUMED);
    }
  });

  it('connections that fell silent are found out and replaced', { timeout: 90_000 }, async () => {
    const { proxy, url: proxied } = await proxyTo(own.url);
    onTestFinished(() => proxy.close());
    const { funq, work, close } = await app('silent', proxied);
    await persist(funq, 0);
    await work.until(0);
    proxy.hang();
    const from = performance.now();
    // Published by somebody else, so that nothing but the consumer itself can find out.
    const { funq: other } = await app('silent', own.url, false);
    await persist(other, 1);
    await persist(funq, 2);
    await Promise.all([work.until(1), work.until(2)]);
    expect(performance.now() - from).toBeLessThan(DETECTED);
    await close();
  });

  it('foreign rows in the table go to the dead letters and stop nothing', async () => {
    const { app: nest, funq, work } = await app('foreign');
    await asAdmin(
      own,
      `INSERT INTO foreign.funq_tasks (queue, priority, body) VALUES
      ('work', 255, ''), ('work', 9, '\\xff00fe'), ('work', 0, '{"v":1}'), ('work', -5, '[]')`.replaceAll(
        'foreign.',
        '"foreign".',
      ),
    );
    await funq.to(Work).run(1);
    await work.until(1);
    const letters = nest.get(FunqDeadLetters);
    await expect.poll(() => letters.count('work')).toBe(4);
  });
});

async function asAdmin(own: OwnPostgres, sql: string): Promise<unknown[]> {
  const client = new pg.Client(own.url);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows as unknown[];
}

async function connections(own: OwnPostgres): Promise<number> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  return (await asAdmin(own, sql)).length;
}
