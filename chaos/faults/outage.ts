import type { Finding } from '../rig/fault.js';
import { EVERYBODY } from '../rig/ledger.js';
import type { Rig } from '../rig/rig.js';

/** Milliseconds in which the work goes on after the server answers. */
const LIMIT = 5000;

/** The server is away while `work` is done. Resolves to how many milliseconds later the work of the processes goes on. */
export async function whileDown(rig: Rig, work: () => Promise<void>): Promise<number> {
  await rig.harm(
    EVERYBODY,
    () => rig.during('the server to be back', work()),
    () => undefined,
  );
  return rig.resumption(Date.now());
}

/** Each time the work must have gone on in time. */
export function resumed(waits: readonly number[], limit = LIMIT): Finding[] {
  const late = waits.filter((ms) => ms > limit).length;
  return [
    { name: 'times that the server was away', value: waits.length },
    { name: `… and the work went on within ${limit} ms`, value: waits.length - late, ok: late === 0 },
    { name: '… slowest, ms', value: Math.max(...waits) },
  ];
}
