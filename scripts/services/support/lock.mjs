import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive } from './processes.mjs';

const POLL = 100;

/** Does `work` while no other process does, of all that name the same file. The lock of a process that died is taken over. */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  // A link appears with its content at once.
  writeFileSync(mine, JSON.stringify(identify(process.pid)));
  try {
    while (!taken(mine, file)) await sleep(POLL);
    return await work().finally(() => rmSync(file, { force: true }));
  } finally {
    rmSync(mine, { force: true });
  }
}

function taken(mine, file) {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    clearDead(file, `${mine}.dead`);
    return false;
  }
}

function clearDead(file, aside) {
  const before = read(file);
  if (!before || isAlive(JSON.parse(before))) return;
  try {
    renameSync(file, aside);
    // Somebody was quicker, and it is theirs.
    if (read(aside) !== before) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(error.code)) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
