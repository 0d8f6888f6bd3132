import type { Fault } from '../rig/fault.js';
import { posixOnly } from './platform.js';

/** A rolling restart. */
export const term: Fault = {
  about:
    'consumers are restarted by SIGTERM under load; their tasks publish others while they drain: nothing runs twice',
  full: { tasks: 20_000, processes: 4, faults: 20, lease: 5000 },
  short: { tasks: 1000, processes: 2, faults: 3, lease: 5000 },
  follow: true,
  obstacle: () => posixOnly('SIGTERM ends a process at once'),
  async inflict(rig) {
    let slowest = 0;
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      const member = await rig.anyConsumer();
      const since = performance.now();
      await rig.during('a process to end', rig.fleet.dismiss(member));
      slowest = Math.max(slowest, performance.now() - since);
    }
    return [
      { name: 'restarts', value: rig.settings.faults },
      { name: 'slowest end, ms', value: Math.round(slowest) },
    ];
  },
};
