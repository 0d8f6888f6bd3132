import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../rig/fault.js';
import { EVERYBODY } from '../rig/ledger.js';
import { publishUntilRefused, rejectedWith } from './rejections.js';
import { openFile, type SqliteFile } from './sqlite-file.js';

const SIZE = '32m';
/** Milliseconds that the disk stays full. */
const FULL = 4000;

/** A disk without room, of which the file is on. */
export const diskFull: Fault = {
  about:
    'the disk of the file is full for a while: publishes reject and nothing is lost; when there is room, all goes on',
  full: { tasks: 20_000, processes: 4, faults: 5, lease: 10_000, longest: 50 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 7000, longest: 50 },
  brokers: ['sqlite'],
  obstacle() {
    const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
    return isRoot ? undefined : 'a small disk can be mounted by root on Linux only';
  },
  prepare(folder) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder]);
    let mounted = true;
    const unmount = (): void => {
      if (mounted) execFileSync('umount', ['--lazy', folder]);
      mounted = false;
      process.off('exit', unmount);
    };
    process.on('exit', unmount);
    return unmount;
  },
  async inflict(rig) {
    const file = openFile(rig.folder);
    const ballast = join(rig.folder, 'ballast');
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      await rig.harm(
        EVERYBODY,
        () => publishUntilRefused(rig, FULL, () => (shrink(file), fill(ballast))),
        () => rmSync(ballast, { force: true }),
      );
    }
    file.close();
    return rejectedWith(rig, 'FUNQ_SQLITE_FULL');
  },
};

/** Gives back the room of the write-ahead log, in which SQLite could go on for a while. */
function shrink(file: SqliteFile): void {
  try {
    file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Somebody else writes or the disk is full already; the next try follows.
  }
}

/** Writes until nothing more fits, in smaller and smaller pieces. */
function fill(file: string): void {
  const target = openSync(file, 'a');
  for (let size = 2 ** 20; size >= 512; size /= 2) {
    try {
      for (const piece = Buffer.alloc(size, 1); ;) writeSync(target, piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(target);
}
