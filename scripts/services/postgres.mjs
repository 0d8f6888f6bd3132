import { chmodSync, chownSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { ask } from './support/ask.mjs';
import { ServiceFailure } from './support/failure.mjs';
import { programOf, run } from './support/programs.mjs';

const DEBIAN = '/usr/lib/postgresql';

export const postgres = {
  variable: 'DATABASE_URL',
  ports: 1,
  /** A fast shutdown; by SIGTERM it would wait until its clients have gone. */
  stopSignal: 'SIGINT',
  missing: () => (program('postgres') && program('initdb') ? [] : ['postgresql']),
  url: ([port]) => `postgres://funq@127.0.0.1:${port}/postgres`,
  prepare({ data }) {
    // One that was killed may count as running until its parent has asked how it ended.
    rmSync(join(data, 'postmaster.pid'), { force: true });
    if (existsSync(join(data, 'PG_VERSION'))) return;
    const { uid, gid } = user();
    if (uid !== undefined) handOver(data, uid, gid);
    const args = ['-D', data, '-A', 'trust', '-U', 'funq', '-E', 'UTF8', '--locale', 'C', '--no-sync'];
    run(program('initdb'), args, { uid, gid, cwd: '/' });
  },
  command: ({ data, ports: [port] }) => ({
    file: program('postgres'),
    args: `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -D`
      .split(' ')
      .concat(data),
    ...user(),
  }),
  ready: ([port]) => ask(port, startup('funq', 'postgres'), (answer) => answer.toString('latin1', 0, 1) === 'R'),
};

function program(name) {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  return programOf(name, ...versions.map((version) => join(DEBIAN, version, 'bin', name)));
}

/** PostgreSQL refuses to run as root; its package brings a user. */
function user() {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('postgres:'));
  if (!line) throw new ServiceFailure("PostgreSQL can't run as root, and there is no user 'postgres'");
  const [, , uid, gid] = line.split(':').map(Number);
  return { uid, gid };
}

/** A temporary folder is made for its owner alone; such parents let others pass from now on. */
function handOver(data, uid, gid) {
  chownSync(data, uid, gid);
  for (let folder = dirname(data); folder.startsWith(join(tmpdir(), sep)); folder = dirname(folder))
    chmodSync(folder, statSync(folder).mode | 0o001);
  try {
    run('test', ['-w', data], { uid, gid, cwd: '/' });
  } catch {
    throw new ServiceFailure(`user 'postgres' can't get to ${data}: allow others to pass its parents (chmod o+x)`);
  }
}

/** The first message of a connection: answered by R when the server takes it, by E while it starts up. */
function startup(name, database) {
  const words = Buffer.from(`user\0${name}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + words.length);
  head.writeInt32BE(196_608, 4); // version 3.0
  return Buffer.concat([head, words]);
}
