import type { Fault } from '../rig/fault.js';
import { EVERYBODY } from '../rig/ledger.js';
import { resumed } from './outage.js';

/** Milliseconds in which the work goes on over new connections. */
const LIMIT = 15_000;
/** A firewall that forgot its connections. */
export const halfOpen: Fault = {
  about: 'all connections carry nothing any more and stay open: new ones are made, and the work goes on within 15 s',
  full: { tasks: 20_000, processes: 4, faults: 5, lease: 5000, longest: 50 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 3000, longest: 50 },
  server: 'proxied',
  async inflict(rig) {
    const waits: number[] = [];
    const hang = async (): Promise<void> => {
      rig.proxy.hang();
      waits.push(await rig.throughput(Date.now()));
    };
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      await rig.harm(EVERYBODY, hang, () => undefined);
    }
    return resumed(waits, LIMIT);
  },
};
