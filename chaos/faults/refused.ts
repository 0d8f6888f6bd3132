import type { Fault, Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';
import { resumed, whileDown } from './outage.js';

/** Milliseconds after which a publish must have been refused: the default of `publishTimeout`, and a little for the machine. */
const REFUSED = 5500;
/** Milliseconds for an app to start though its server is away. */
const BOOT = 10_000;

/** A server that can't be reached for a while: processes start all the same, and publishes say so. */
export const refused: Fault = {
  about: 'connections are refused for a while, also to a process that starts: it starts, publishes reject within 5 s',
  full: { tasks: 20_000, processes: 4, faults: 3, lease: 5000, longest: 50, outage: 60_000 },
  short: { tasks: 1000, processes: 2, faults: 1, lease: 3000, longest: 50, outage: 4000 },
  server: 'proxied',
  async inflict(rig) {
    const { faults, outage = 0 } = rig.settings;
    const waits: number[] = [];
    const boots: number[] = [];
    const refusals: number[] = [];
    const refuse = async (): Promise<void> => {
      await rig.proxy.refuse();
      const end = performance.now() + outage;
      boots.push(await timeOf(() => startAnother(rig)));
      while (refusals.length === 0 || performance.now() < end)
        refusals.push(await timeOf(() => rig.during('a publish to be refused', rig.publisher.publish({ more: 1 }))));
      await rig.proxy.accept();
    };
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      waits.push(await whileDown(rig, refuse));
    }
    return [...resumed(waits), atMost('slowest start meanwhile', boots, BOOT), ...publishes(rig, refusals)];
  },
};

/** It takes the place of another one, and must work as soon as that can be. */
async function startAnother(rig: Rig): Promise<void> {
  const { ready } = rig.fleet.start('consumer', {}, false);
  await rig.during('a process to start', ready);
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return Math.round(performance.now() - since);
}

function publishes({ history }: Rig, refusals: readonly number[]): Finding[] {
  const codes = [...new Set(history.rejected.values())];
  return [
    { name: 'publishes refused', value: history.rejected.size, ok: history.rejected.size > 0 },
    { name: '… by the code', value: codes.join(', ') },
    atMost('slowest refusal', refusals, REFUSED),
  ];
}

function atMost(name: string, times: readonly number[], limit: number): Finding {
  const slowest = Math.max(...times);
  return { name: `${name}, ms`, value: slowest, ok: slowest <= limit };
}
