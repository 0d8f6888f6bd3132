import { BROKERS } from '../brokers.js';
import type { Fault } from '../rig/fault.js';
import { isServed, standInOf } from '../rig/services.js';
import { resumed, whileDown } from './outage.js';

/** A server that ends in the middle of a write. */
export const serverKill: Fault = {
  about: 'the server is killed with SIGKILL while tasks are published: every publish that resolved is found',
  full: { tasks: 50_000, processes: 4, faults: 10, lease: 5000, longest: 20 },
  short: { tasks: 1500, processes: 2, faults: 2, lease: 3000, longest: 20 },
  server: 'direct',
  obstacle: (broker) => BROKERS[broker]!.unkillable ?? forgetful(broker),
  async inflict(rig) {
    const waits: number[] = [];
    for (let n = 0; n < rig.settings.faults; n++) {
      await rig.turn(n);
      const again = async (): Promise<void> => {
        await rig.server.kill();
        await rig.server.start();
      };
      waits.push(await whileDown(rig, again));
    }
    return resumed(waits);
  },
};

function forgetful(broker: string): string | undefined {
  const standIn = isServed(broker) && standInOf(broker);
  return standIn ? `${standIn} stands in for ${broker} here, and forgets its last second when it is killed` : undefined;
}
