// For tests: what is up, and servers of their own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineAnswers } from './docker.mjs';
import { SERVERS } from './servers.mjs';
import { serverIn } from './server.mjs';

/** Another one is for the tests of this very thing. */
const FOLDER = process.env.FUNQ_SERVICES_FOLDER ?? fileURLToPath(new URL('../../.services', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./main.mjs', import.meta.url));

export { freePorts } from './support/ports.mjs';

/** By name, the variable that names a running one. */
export const SERVICES = Object.fromEntries(Object.entries(SERVERS).map(([name, { variable }]) => [name, variable]));

/** The one that everybody shares. */
export function sharedServer(name, say) {
  return serverIn(join(FOLDER, name), name, { say });
}

export function serviceUrl(name) {
  const server = sharedServer(name);
  return server.isSettled() ? server.url() : undefined;
}

export async function ensureService(name, say) {
  const server = sharedServer(name, say);
  await server.start();
  return server.url();
}

export function ensureServiceNow(name) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [PROGRAM, 'ensure', name], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr?.trim() || error?.message || `${name} can't be started`);
  return stdout.trim();
}

export function standInOf(name) {
  return engineAnswers() ? undefined : SERVERS[name].standIn?.();
}

export async function startPrivate(name, { folder, port, settings }) {
  const server = serverIn(folder, name, { port, settings });
  const atExit = () => server.endNow();
  process.once('exit', atExit);
  await server.start();
  return {
    url: server.url(),
    get pid() {
      return server.pid();
    },
    start: async () => void (await server.start()),
    stop: () => server.stop(),
    kill: () => server.kill(),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async restart() {
      await server.stop();
      await server.start();
    },
    async close() {
      process.off('exit', atExit);
      await server.stop();
      server.endNow();
    },
  };
}
