import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { withService } from './services/service.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

withService('postgres', (url) => {
  it(
    'sample 05-postgres, run as its user would, confirms the orders that were stored and no others, twice',
    { timeout: 180_000 },
    async () => {
      const database = `shop_${randomUUID().slice(0, 8)}`;
      const admin = new pg.Client(url);
      await admin.connect();
      await admin.query(`CREATE DATABASE ${database}`);
      onTestFinished(async () => {
        await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
        await admin.end();
      });
      const address = new URL(url);
      address.pathname = `/${database}`;
      const limit = { cwd: ROOT, timeout: 80_000, env: { ...process.env, DATABASE_URL: address.href } };
      await run(process.execPath, ['scripts/build-if-stale.mjs'], limit);
      for (let round = 0; round < 2; round++) {
        const { stdout } = await run('npm', ['start', '-w', 'sample/05-postgres'], limit);
        expect(stdout).toMatch(/^7 orders placed, 7 confirmed$/m);
        expect(stdout.match(/mail for/g)).toHaveLength(7);
        expect(stdout.match(/violates check constraint/g)).toHaveLength(3);
      }
    },
  );
});
