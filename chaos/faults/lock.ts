import { BUSY_TIMEOUT } from '../brokers.js';
import type { Fault } from '../rig/fault.js';
import { EVERYBODY } from '../rig/ledger.js';
import { publishUntilRefused, rejectedWith } from './rejections.js';
import { openFile } from './sqlite-file.js';

/** Another program that writes to the SQLite file and does not come to an end. */
export const lock: Fault = {
  about: 'somebody holds the write lock of the file for longer than busyTimeout: publishes reject, then all goes on',
  full: { tasks: 20_000, processes: 4, faults: 5, lease: 10_000, longest: 50 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 7000, longest: 50 },
  brokers: ['sqlite'],
  async inflict(rig) {
    const other = openFile(rig.folder);
    other.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT * 5}`);
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      other.exec('BEGIN IMMEDIATE');
      await rig.harm(
        EVERYBODY,
        () => publishUntilRefused(rig, BUSY_TIMEOUT * 2),
        () => other.exec('ROLLBACK'),
      );
    }
    other.close();
    return rejectedWith(rig, 'FUNQ_SQLITE_BUSY');
  },
};
