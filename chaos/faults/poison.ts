import type { Fault } from '../rig/fault.js';

/** How many processes a task may end before it is put away: the default of `maxDeliveries`. */
const DEATHS = 5;

/** A task that ends each process which executes it. */
export const poison: Fault = {
  about: 'tasks that kill every process which executes them are put away after five deaths; all others are done',
  full: { tasks: 20_000, processes: 4, faults: 3, lease: 2000 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 2000 },
  copies: true,
  deadly: (task) => task.startsWith('die'),
  async inflict(rig) {
    const { faults, lease } = rig.settings;
    const deaths = (): number => rig.history.faults.length;
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      // One after the other: those that are in hand at the deaths of several count all of them.
      await rig.publisher.one(0, 'die');
      await rig.until('the deaths', () => deaths() >= (n + 1) * DEATHS);
      // One death too many would come within a moment.
      await rig.pause(lease);
    }
    return [{ name: 'deaths', value: deaths(), ok: deaths() === faults * DEATHS }];
  },
};
