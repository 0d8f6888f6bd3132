import type { Fault } from '../rig/fault.js';
import { posixOnly } from './platform.js';

/** A process that stands still for longer than its lease, and goes on as if nothing had happened. */
export const freeze: Fault = {
  about:
    'consumers are frozen by SIGSTOP for longer than their lease: others take over, what they acknowledge late is refused',
  full: { tasks: 40_000, processes: 4, faults: 10, lease: 2000, longest: 200 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 1500, longest: 100 },
  obstacle: () => posixOnly('no process can be stopped and continued'),
  async inflict(rig) {
    const { faults, lease } = rig.settings;
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      await rig.freeze(await rig.anyConsumer(), lease * 2 + 1000);
    }
    return [{ name: 'frozen', value: faults }];
  },
};
