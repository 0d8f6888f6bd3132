import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { emptied } from './redis/emptied.js';
import { withService } from './services/service.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = fileURLToPath(new URL('../sample/03-redis/dist/main.js', import.meta.url));
const run = promisify(execFile);
const PAGES = 60;
const RATE = 20;

withService('redis', (url) => {
  const namespace = `test-${randomUUID()}`;
  emptied({ url, namespace });

  it(
    'sample 03-redis: two processes visit each page of a site once, no faster than they may, and end in order',
    { timeout: 180_000 },
    async () => {
      await run(process.execPath, ['scripts/build-if-stale.mjs'], { cwd: ROOT, timeout: 100_000 });
      await run('npm', ['run', 'build', '-w', 'sample/03-redis'], { cwd: ROOT, timeout: 100_000 });
      const site = await Site.open();
      const idle = crawler();
      await said(idle, /FunqConsumersModule dependencies initialized/);
      const first = crawler(`${site.address}/0`);
      await said(first, /links/);
      await expect.poll(() => site.visits.size, { timeout: 60_000 }).toBe(PAGES);
      expect([...site.visits.values()].every((times) => times.length === 1)).toBe(true);
      const starts = [...site.visits.values()].flat().toSorted((a, b) => a - b);
      // Between the start of a task and its arrival lies a connection, so the window is a little wider than a second.
      for (const [n, start] of starts.entries())
        expect((starts[n + RATE + 10] ?? Infinity) - start).toBeGreaterThan(1000);
      for (const process of [idle, first]) {
        const gone = once(process, 'exit');
        process.kill('SIGTERM');
        expect(await gone).toEqual([null, 'SIGTERM']);
      }
    },
  );

  function crawler(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, REDIS_URL: url, NAMESPACE: namespace },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }
});

/** A site of pages that link to each other, in circles and to elsewhere. */
class Site {
  /** When each page was asked for. */
  readonly visits = new Map<number, number[]>();

  private constructor(readonly address: string) {}

  static async open(): Promise<Site> {
    const server = createServer((request, response) => {
      const page = Number(request.url?.slice(1));
      site.visits.set(page, [...(site.visits.get(page) ?? []), performance.now()]);
      const links = [2 * page + 1, 2 * page + 2, page - 1].filter((link) => link >= 0 && link < PAGES);
      response.end(links.map((link) => `<a href="/${link}#top">`).join('') + '<a href="https://elsewhere.invalid/">');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const site = new Site(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return site;
  }
}

function said(child: ChildProcess, text: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (chunk) => text.test(String(chunk)) && resolve());
    child.on('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}
