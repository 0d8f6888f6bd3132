import type { Fault } from '../rig/fault.js';

/** With every so many consumers a publisher is killed, too. */
const PUBLISHER = 10;

/** SIGKILL to processes in full swing. */
export const kill: Fault = {
  about: 'consumers, and now and then the publisher, are killed with SIGKILL and replaced',
  full: { tasks: 100_000, processes: 4, faults: 50, lease: 5000 },
  short: { tasks: 2000, processes: 2, faults: 3, lease: 3000 },
  async inflict(rig) {
    let [consumers, publishers] = [0, 0];
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      await rig.fleet.kill(await rig.anyConsumer());
      consumers++;
      if (n % PUBLISHER !== 1) continue;
      await Promise.all(rig.fleet.publishers.map((publisher) => rig.fleet.kill(publisher)));
      publishers++;
    }
    return [
      { name: 'consumers killed', value: consumers },
      { name: 'publishers killed', value: publishers },
    ];
  },
};
