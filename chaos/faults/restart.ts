import type { Weight } from '../process/order.js';
import type { Fault } from '../rig/fault.js';
import { growth, steadyWeights } from './growth.js';
import { resumed, whileDown } from './outage.js';

/** A server that is updated, or moves. */
export const restart: Fault = {
  about: 'the server is restarted under load: the work goes on within 5 s, and neither memory nor connections grow',
  full: { tasks: 50_000, processes: 4, faults: 20, lease: 5000, longest: 20 },
  short: { tasks: 1500, processes: 2, faults: 2, lease: 3000, longest: 20 },
  server: 'direct',
  async inflict(rig) {
    const waits: number[] = [];
    let before: readonly Weight[] = [];
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      waits.push(await whileDown(rig, () => rig.server.restart()));
      if (n === 0) before = await steadyWeights(rig);
    }
    return [...resumed(waits), ...(await growth(rig, before))];
  },
};
