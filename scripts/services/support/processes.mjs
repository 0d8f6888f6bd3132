// Processes of servers: started in a group of their own, known by pid and time of birth, ended by that alone.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL = 50;
const HAS_PROC = existsSync('/proc/self/stat');

/** Starts a program that outlives this process; what it says goes to the end of `log`. Resolves to who it is. */
export async function launch({ file, args, env = {}, uid, gid }, log) {
  const output = openSync(log, 'a');
  const child = spawn(file, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
    ...(uid !== undefined && { uid, gid }),
  });
  closeSync(output);
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  return identify(child.pid);
}

/** A pid alone may belong to another process by now; with the time of its birth it can't. */
export function identify(pid) {
  return { pid, born: bornAt(pid) };
}

export function isAlive({ pid, born }) {
  if (HAS_PROC) return born !== undefined && bornAt(pid) === born;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Sends `signal` to the process and to all that it started. */
export function signalAll(who, signal) {
  if (!isAlive(who)) return;
  const pids = [who.pid, ...descendantsOf(who.pid)];
  for (const pid of pids) send(pid, signal);
}

/** Asks by `signal` for an orderly end, and ends by force what is left after `patience` milliseconds. */
export async function end(who, signal, patience) {
  const rest = isAlive(who) ? descendantsOf(who.pid).map(identify) : [];
  signalAll(who, 'SIGCONT'); // One that is halted would not hear it.
  if (isAlive(who)) send(who.pid, signal);
  await gone(who, patience);
  for (const each of [who, ...rest]) if (isAlive(each)) send(each.pid, 'SIGKILL');
  await Promise.all([who, ...rest].map((each) => gone(each, patience)));
}

/** Ends it and all that it started at once, as a power cut would. */
export async function crash(who, patience) {
  const all = [who, ...(isAlive(who) ? descendantsOf(who.pid).map(identify) : [])];
  signalAll(who, 'SIGKILL');
  await Promise.all(all.map((each) => gone(each, patience)));
}

async function gone(who, patience) {
  for (const until = performance.now() + patience; isAlive(who) && performance.now() < until;) await sleep(POLL);
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Servers start processes that leave the group, so the tree is what counts. */
function descendantsOf(root) {
  if (!HAS_PROC) return [];
  const parents = new Map();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) && statOf(entry);
    if (stat) parents.set(Number(entry), stat.parent);
  }
  const found = new Set([root]);
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  found.delete(root);
  return [...found];
}

/** Undefined for one that is gone, also when nobody has asked for its exit code yet. */
function bornAt(pid) {
  const stat = HAS_PROC ? statOf(pid) : undefined;
  return stat && !'ZX'.includes(stat.state) ? stat.born : undefined;
}

function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], parent: Number(fields[1]), born: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
