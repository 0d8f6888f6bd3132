import type { Fault } from '../rig/fault.js';

/** A process that ends at one exact point of a task's path, where SIGKILL at random would hardly hit. */
export function breakpoint(dieAt: 'claim' | 'ack', about: string): Fault {
  return {
    about,
    full: { tasks: 10_000, processes: 2, faults: 30, lease: 5000, longest: 200 },
    short: { tasks: 600, processes: 1, faults: 2, lease: 3000, longest: 100 },
    async inflict(rig) {
      for (let n = 0; n < rig.settings.faults; n++) {
        await rig.turn(n);
        const victim = rig.fleet.start('consumer', { dieAt }, false);
        await rig.during(`a process to die at ${dieAt}`, victim.gone);
      }
      return [];
    },
  };
}
