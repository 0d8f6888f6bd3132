import type { Fault } from '../rig/fault.js';

/** Leases that a function keeps the event loop busy for. */
const LEASES = 3;

/** Functions that do not let go of the event loop. */
export const block: Fault = {
  about:
    'functions block their event loop for three leases, which costs nothing, and for longer than maxBlock, which costs the tasks in hand',
  full: { tasks: 40_000, processes: 4, faults: 10, lease: 2000, longest: 200 },
  short: { tasks: 2000, processes: 2, faults: 1, lease: 1000, longest: 100 },
  async inflict(rig) {
    const { faults, lease } = rig.settings;
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      const id = await rig.publisher.one(lease * LEASES, 'block');
      await rig.until('a blocking task to end', () => rig.history.ended.has(id!));
    }
    return [{ name: `blocked for ${LEASES} leases`, value: faults }];
  },
};
