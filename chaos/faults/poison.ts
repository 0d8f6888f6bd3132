import type { Fault } from '../rig/fault.js';

/** How many processes a task may end before it is put away: the default of `maxDeliveries`. */
const DEATHS = 5;

/** A task that ends each process which executes it. */
export const poison: Fault = {
  about: 'tasks that kill every process which executes them are put away after five deaths; all others are done',
  full: { tasks: 20_000, processes: 4, faults: 3, lease: 2000 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 2000 },
  deadly: (task) => task.startsWith('die'),
  async inflict(rig) {
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      await rig.publisher.one(0, 'die');
    }
    const expected = rig.settings.faults * DEATHS;
    await rig.until('the deaths', () => rig.history.faults.length >= expected);
    // One death too many would come within another second or two.
    await rig.pause(rig.settings.lease);
    const deaths = rig.history.faults.length;
    return [{ name: 'deaths', value: deaths, ok: deaths === expected }];
  },
};
