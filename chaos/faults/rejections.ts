import type { Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';

/** Publishes while nothing can be written, for `ms` at least, until it is refused. */
export async function refused(rig: Rig, ms: number): Promise<void> {
  const before = rig.history.rejected.size;
  for (const end = performance.now() + ms; performance.now() < end || rig.history.rejected.size === before;)
    await rig.during('a publish to be refused', rig.publisher.publish({ more: 1 }));
}

/** Publishes must have been refused, each with the code that tells why. */
export function rejectedWith({ history }: Rig, code: string): Finding[] {
  const codes = [...history.rejected.values()];
  const others = [...new Set(codes)].filter((each) => each !== code);
  return [
    { name: `publishes refused with ${code}`, value: codes.length, ok: codes.length > 0 },
    { name: 'refused with another code', value: others.join(', ') || 'none', ok: others.length === 0 },
  ];
}
