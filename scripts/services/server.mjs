import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dockerServer, engineAnswers } from './docker.mjs';
import { localServer } from './local.mjs';
import { obtain } from './obtain.mjs';
import { withLock } from './support/lock.mjs';
import { freePorts } from './support/ports.mjs';
import { SERVERS } from './servers.mjs';

/**
 * One server, which keeps what it has in `folder`: in a container where an engine answers, else out of this machine's own
 * programs. It has the same port whenever it runs, and is what it was at first.
 */
export function serverIn(path, name, { settings, port, say = () => undefined } = {}) {
  const folder = resolve(path);
  const file = join(folder, 'server.json');
  let known;
  const facts = () => (known ??= existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);
  const runner = () => (facts().docker ? dockerServer : localServer)(name, folder, { ports: facts().ports, settings });

  async function begin() {
    if (!facts()) {
      const docker = engineAnswers();
      const ports = await freePorts(SERVERS[name].ports);
      if (port) ports[0] = port;
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, JSON.stringify({ docker, ports }));
    }
    if (!facts().docker) await obtain([name], say);
    const fresh = !runner().isUp();
    await runner().start();
    return fresh;
  }

  const lock = join(folder, 'lock');
  const locked = (work) => withLock(lock, work);
  const isUp = () => Boolean(facts()) && runner().isUp();
  const ifKnown = (verb) => () => locked(async () => facts() && runner()[verb]());
  return {
    name,
    /** Resolves to whether it was not up before, when it answers. */
    start: () => locked(begin),
    isUp,
    /** Up, and nobody is about to start or stop it: it runs before it answers. */
    isSettled: () => isUp() && !existsSync(lock),
    url: () => facts() && SERVERS[name].url(facts().ports),
    how: () => facts() && (facts().docker ? 'docker' : (SERVERS[name].standIn?.() ?? 'local')),
    pid: () => facts() && runner().pid(),
    stop: ifKnown('stop'),
    kill: ifKnown('kill'),
    freeze: ifKnown('freeze'),
    thaw: ifKnown('thaw'),
    /** At once, for the end of this process. */
    endNow: () => void (facts() && runner().endNow()),
  };
}
