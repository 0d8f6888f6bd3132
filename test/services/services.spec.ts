import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SERVICES, startPrivate, type PrivateServer } from '../../scripts/services/index.mjs';
import { withLock } from '../../scripts/services/support/lock.mjs';
import { withService } from './service.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Says where the shared server is. */
const TELL = `import('./scripts/services/index.mjs').then(({ serviceUrl }) => console.log(serviceUrl('redis')))`;
/** No program is found. */
const BARE = { PATH: '/nowhere', REDIS_URL: '' };

describe('the command line of the services', () => {
  it.each([
    [['bogus'], "unknown verb 'bogus'"],
    [['up', 'redis', 'nosuch'], 'unknown: nosuch'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await services(args);
    expect(stderr).toContain(message);
    expect(stderr).toContain('Names: redis, rabbitmq, postgres, mongo, kafka');
    expect(code).toBe(2);
  });

  it('says of each what it is', async () => {
    const { code, stdout } = await services(['status']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(Object.keys(SERVICES).length);
    for (const line of lines) expect(line).toMatch(/^\w+ +(down *|up +[A-Z_]+=\S+ \(.+\))$/);
    expect(code).toBe(0);
  });

  it('says what is missing, how to get it, and how to do without', async () => {
    const { code, stderr } = await services(['up', 'redis'], { ...BARE, FUNQ_SERVICES_FOLDER: temporary() });
    expect(stderr).toMatch(/redis +failed +missing: redis-server\. Start Docker, or .*apt-get install .*redis-server/);
    expect(stderr).toContain('or set REDIS_URL to');
    expect(code).toBe(1);
  });
});

describe('a suite whose server is not up', () => {
  const suite = (more: object) =>
    node(['node_modules/vitest/vitest.mjs', 'run', 'test/services/services.spec.ts', '-t', 'redis'], {
      ...BARE,
      FUNQ_SERVICES_FOLDER: temporary(),
      FUNQ_SERVICES: '',
      ...more,
    });

  it('is skipped, and named in the last lines', async () => {
    const { code, stdout } = await suite({});
    const [named, sum] = stdout.trimEnd().split('\n').slice(-2);
    expect(named).toBe('skipped: redis is not up: set REDIS_URL, or run npm run services');
    expect(sum).toMatch(/^\d+ passed, 0 failed, [1-9]\d* skipped$/);
    expect(code).toBe(0);
  });

  it('fails where all servers are required', async () => {
    const { code, stdout, stderr } = await suite({ FUNQ_SERVICES: 'required' });
    expect(stdout).toMatch(/^\d+ passed, 1 failed, \d+ skipped\n$/m);
    expect(stderr).toContain('missing: redis-server');
    expect(code).toBe(1);
  });
});

describe('a lock', () => {
  it('lets one in at a time', async () => {
    const file = join(temporary(), 'lock');
    let inside = 0;
    const visit = () =>
      withLock(file, async () => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      });
    await Promise.all([visit(), visit(), visit()]);
    expect(existsSync(file)).toBe(false);
  });

  it('is taken over from a process that died', async () => {
    const file = join(temporary(), 'lock');
    writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, born: 1 }));
    expect(await withLock(file, () => Promise.resolve('mine'))).toBe('mine');
  });
});

withService('redis', () => {
  it('starts once, however many ask for it, and stops by name', { timeout: 60_000 }, async () => {
    const env = { FUNQ_SERVICES_FOLDER: temporary() };
    onTestFinished(async () => void (await services(['down', 'redis'], env)));
    const runs = await Promise.all([1, 2, 3].map(() => services(['up', 'redis'], env)));
    const lines = runs.map(({ stdout }) => stdout.trim().split(/ {2,}/));
    expect(lines.map(([, state]) => state!.replace(/ REDIS.*/, '')).toSorted()).toEqual([
      'started',
      'was up',
      'was up',
    ]);
    const { stdout: url } = await services(['ensure', 'redis'], env);
    for (const { stdout } of runs) expect(stdout).toContain(`REDIS_URL=${url.trim()} (`);

    // It runs before it answers, so whoever looks while others start it is told of nothing.
    const told = async (): Promise<string> => (await node(['-e', TELL], env)).stdout.trim();
    expect(await told()).toBe(url.trim());
    await withLock(join(env.FUNQ_SERVICES_FOLDER, 'redis/lock'), async () => expect(await told()).toBe('undefined'));

    expect(await ask(url, 'SET kept 1\r\n')).toBe('+OK');
    expect((await services(['restart', 'redis'], env)).stdout).toContain(url.trim());
    expect(await ask(url, 'GET kept\r\n')).toBe('$1');
    expect((await services(['down', 'redis'], env)).stdout).toMatch(/^redis +stopped *$/m);
    expect(await ask(url, 'PING\r\n')).toBe('');
    expect((await services(['status', 'redis'], env)).stdout).toMatch(/^redis +down *$/m);
  });

  it('has a second instance that is killed, restarted and halted, and keeps its data and port', async () => {
    const server = await redis();
    const { pid, url } = server;
    expect(await ask(url, 'SET kept 1\r\n')).toBe('+OK');
    await server.kill();
    expect(await ask(url, 'PING\r\n')).toBe('');
    await server.start();
    expect(server.pid).not.toBe(pid);
    expect(await ask(url, 'GET kept\r\n')).toBe('$1');
    await server.restart();
    expect(await ask(url, 'GET kept\r\n')).toBe('$1');

    await server.freeze();
    const answer = ask(url, 'PING\r\n');
    expect(await Promise.race([answer, silence()])).toBe('silence');
    await server.thaw();
    expect(await answer).toBe('+PONG');
  });
});

/** Long enough for an answer from this machine. */
function silence(): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('silence'), 200));
}

async function redis(): Promise<PrivateServer> {
  const server = await startPrivate('redis', { folder: temporary(), settings: { fsync: 'always' } });
  onTestFinished(() => server.close());
  return server;
}

/** The first line of the answer; nothing where nobody listens. */
async function ask(url: string, question: string): Promise<string> {
  const { hostname, port } = new URL(url.trim());
  const socket = connect(Number(port), hostname);
  socket.end(question);
  return (await text(socket).catch(() => '')).split('\r\n')[0]!;
}

function services(args: string[], env: object = {}): Promise<Outcome> {
  return node(['scripts/services/main.mjs', ...args], env);
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function node(args: string[], env: object): Promise<Outcome> {
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  return new Promise((resolve) =>
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  );
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'funq-services-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
