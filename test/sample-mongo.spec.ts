import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import mongoose from 'mongoose';
import { expect, it, onTestFinished } from 'vitest';
import { withService } from './services/service.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

withService('mongo', (url) => {
  it(
    'sample 06-mongo, run as its user would, ends by itself and says what it should',
    { timeout: 180_000 },
    async () => {
      const limit = { cwd: ROOT, timeout: 170_000 };
      await run(process.execPath, ['scripts/build-if-stale.mjs'], limit);
      const database = new URL(url);
      database.pathname = `/sample-${randomUUID().slice(0, 8)}`;
      onTestFinished(async () => {
        const connection = await mongoose.createConnection(database.href).asPromise();
        await connection.dropDatabase();
        await connection.close();
      });
      const env = { ...process.env, MONGODB_URL: database.href };
      const { stdout, stderr } = await run('npm', ['start', '-w', 'sample/06-mongo'], { ...limit, env });
      expect(stdout, stderr).toContain('sent 99 invoices');
      expect(stdout).toContain('dead: invoice <id> asks for -1, after 3 runs');
      expect(stdout).toMatch(/last: customer \d+ owes \d+\.00/);
      expect(stdout).toContain('today done: 99');
      expect(stdout).toContain('today dead: 1');
    },
  );
});
