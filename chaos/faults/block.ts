import type { Fault } from '../rig/fault.js';

/** Leases that a function keeps the event loop busy for. */
const LEASES = 3;
/** Milliseconds until somebody else has noticed that a lease, or a connection, is over. */
const NOTICE = 5000;

/** Functions that do not let go of the event loop. */
export const block: Fault = {
  about:
    'functions block the event loop for three leases, which costs nothing, and beyond maxBlock: then others take over',
  full: { tasks: 40_000, processes: 4, faults: 10, lease: 2000, maxBlock: 8000, longest: 200 },
  short: { tasks: 1000, processes: 2, faults: 2, lease: 1500, maxBlock: 6000, longest: 100 },
  async inflict(rig) {
    const { faults, lease, maxBlock = 0 } = rig.settings;
    let takenOver = 0;
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      // Every other one goes too far.
      const deed = n % 2 === 0 ? 'block' : 'hang';
      const ms = deed === 'block' ? lease * LEASES : maxBlock + lease + NOTICE;
      const id = (await rig.publisher.one(ms, deed))!;
      const runs = () => rig.history.executions.get(id) ?? [];
      await rig.until('a blocking function to end', () => runs().length > 0 && runs().every(({ end }) => end));
      if (deed === 'hang' && runs().length > 1) takenOver++;
    }
    const hung = Math.floor(faults / 2);
    return [
      { name: `blocked for ${LEASES} leases`, value: faults - hung },
      { name: 'blocked beyond maxBlock', value: hung },
      { name: '… and taken over', value: takenOver, ok: takenOver === hung },
    ];
  },
};
