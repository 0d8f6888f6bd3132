import type { Weight } from '../process/order.js';
import type { Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';

/** Milliseconds for connections that nobody needs any more to go. */
const SETTLING = 15_000;
/** Milliseconds between two looks, and how many must find no new connection. */
const LOOK = 500;
const STEADY = 10;
/** The most bytes by which the heap of a process may grow. */
const HEAP = 10 * 2 ** 20;

/** What the consumers hold, each, when every connection that is opened only when it is needed has been opened. */
export async function steadyWeights(rig: Rig): Promise<readonly Weight[]> {
  let steady = await weights(rig);
  for (let looks = 0; looks < STEADY; looks++) {
    await rig.pause(LOOK);
    const now = await weights(rig);
    if (most(now, 'sockets') <= most(steady, 'sockets')) continue;
    steady = now;
    looks = 0;
  }
  return steady;
}

async function weights(rig: Rig): Promise<readonly Weight[]> {
  const members = rig.fleet.consumers;
  const weighed = await rig.during('the processes to be weighed', Promise.all(members.map((member) => member.weigh())));
  return weighed.filter((weight) => weight !== undefined);
}

/** Nothing must be left of what was built anew, again and again. */
export async function growth(rig: Rig, before: readonly Weight[]): Promise<Finding[]> {
  let after = await weights(rig);
  const end = performance.now() + SETTLING;
  const limit = Math.max(most(before, 'sockets'), rig.broker.connections ?? 0);
  while (most(after, 'sockets') > limit && performance.now() < end) {
    await rig.pause(LOOK);
    after = await weights(rig);
  }
  const sockets = [most(before, 'sockets'), most(after, 'sockets')] as const;
  const heaps = [most(before, 'heap'), most(after, 'heap')] as const;
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  return [
    { name: 'connections of a process, before and after', value: sockets.join(' '), ok: sockets[1] <= limit },
    { name: 'heap of a process, MB', value: heaps.map(megabytes).join(' '), ok: heaps[1] - heaps[0] <= HEAP },
  ];
}

const most = (all: readonly Weight[], of: keyof Weight): number => Math.max(...all.map((weight) => weight[of]));
