// A server out of the programs that this machine has.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceFailure } from './support/failure.mjs';
import { crash, end, isAlive, launch, signalAll } from './support/processes.mjs';
import { SERVERS } from './servers.mjs';

const POLL = 50;
const START = 120_000;
const STOP = 30_000;

/** Keeps its data, its log, and the pid while it runs, in `folder`. */
export function localServer(name, folder, { ports, settings = {} }) {
  const server = SERVERS[name];
  const place = { data: join(folder, 'data'), ports, settings };
  const pidFile = join(folder, 'pid');
  const log = join(folder, 'log');
  const who = () => (existsSync(pidFile) ? JSON.parse(readFileSync(pidFile, 'utf8')) : undefined);
  const isUp = () => Boolean(who()) && isAlive(who());

  async function start() {
    if (!isUp()) {
      mkdirSync(place.data, { recursive: true });
      server.prepare?.(place);
      write(pidFile, await launch(server.command(place), log));
    }
    for (const until = performance.now() + START; !(await server.ready(ports)); await sleep(POLL)) {
      if (!isUp()) throw new ServiceFailure(`${name} ended while it started; the end of ${log}:\n${tail(log)}`);
      if (performance.now() > until)
        throw new ServiceFailure(`${name} doesn't answer at port ${ports[0]} after ${START} ms; see ${log}`);
    }
  }

  async function ended(how) {
    if (who()) await how(who());
    rmSync(pidFile, { force: true });
  }

  return {
    start,
    isUp,
    pid: () => who()?.pid,
    stop: () => ended((process) => end(process, server.stopSignal, STOP)),
    kill: () => ended((process) => crash(process, STOP)),
    freeze: async () => who() && signalAll(who(), 'SIGSTOP'),
    thaw: async () => who() && signalAll(who(), 'SIGCONT'),
    endNow: () => void (who() && signalAll(who(), 'SIGKILL')),
  };
}

/** Others read while this writes. */
function write(file, value) {
  writeFileSync(`${file}.new`, JSON.stringify(value));
  renameSync(`${file}.new`, file);
}

function tail(file) {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-20).join('\n');
}
