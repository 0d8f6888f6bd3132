import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BUSY_TIMEOUT } from '../brokers.js';
import type { Fault } from '../rig/fault.js';
import { EVERYBODY } from '../rig/ledger.js';
import { refused, rejectedWith } from './rejections.js';

/** As much of a SQLite driver as a lock needs. */
interface Driver {
  new (file: string): { exec(sql: string): unknown; close(): unknown };
}

/** Another program that writes to the SQLite file and does not come to an end. */
export const lock: Fault = {
  about: 'somebody holds the write lock of the file for longer than busyTimeout: publishes reject, then all goes on',
  full: { tasks: 20_000, processes: 4, faults: 5, lease: 10_000 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 10_000 },
  brokers: ['sqlite'],
  async inflict(rig) {
    const other = new (driver())(join(rig.folder, 'funq.db'));
    other.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT * 5}`);
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      other.exec('BEGIN IMMEDIATE');
      await rig.harm(
        EVERYBODY,
        () => refused(rig, BUSY_TIMEOUT * 2),
        () => other.exec('ROLLBACK'),
      );
    }
    other.close();
    return rejectedWith(rig, 'FUNQ_SQLITE_BUSY');
  },
};

function driver(): Driver {
  const builtin = process.getBuiltinModule('node:sqlite') as { DatabaseSync: Driver } | undefined;
  return builtin?.DatabaseSync ?? (createRequire(import.meta.url)('libsql') as Driver);
}
