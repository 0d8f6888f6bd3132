import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';
import { freePorts } from '../../scripts/services/index.mjs';

const run = promisify(execFile);
const DEBIAN = '/usr/lib/postgresql';

/** A server of the test's own, to be stopped and started. */
export interface OwnPostgres {
  readonly port: number;
  readonly url: string;
  start(): Promise<void>;
  /** `immediate` is as if its power had been cut. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  remove(): Promise<void>;
}

/** Registers the tests of `body` where PostgreSQL's programs are installed; else one skipped test that says so by name. */
export function withOwnPostgres(name: string, body: () => void): void {
  describe(name, () => {
    if (programs()) body();
    else it.skip('the programs of PostgreSQL are not installed');
  });
}

/** A new server, started. `hba`: lines that go before those that trust everybody. */
export async function ownPostgres(hba = ''): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'funq-postgres-'));
  const [port] = await freePorts(1);
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const call = (program: string, ...args: string[]): Promise<unknown> =>
    run(join(programs()!, program), args, { ...user, cwd: folder, timeout: 60_000 });
  await call('initdb', '-A', 'trust', '-U', 'funq', '-D', data);
  writeFileSync(join(data, 'pg_hba.conf'), `${hba}\nhost all all 127.0.0.1/32 trust\n`);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder}`;
  const control = (...args: string[]): Promise<unknown> => call('pg_ctl', '-w', '-D', data, ...args);
  const own: OwnPostgres = {
    port: port!,
    url: `postgres://funq@127.0.0.1:${port}/postgres`,
    start: async () => void (await control('-l', join(folder, 'log'), '-o', options, 'start')),
    stop: async (mode = 'fast') => void (await control('-m', mode, 'stop')),
    remove: async () => {
      await control('-m', 'immediate', 'stop').catch(() => undefined);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await own.start();
  return own;
}

function programs(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const [newest] = readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a));
  return newest && join(DEBIAN, newest, 'bin');
}

/** The server refuses to run as root. */
function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
