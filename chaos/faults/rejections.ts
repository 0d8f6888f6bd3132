import type { Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';

/** Publishes must have been refused, each with the code that tells why. */
export function rejectedWith({ history }: Rig, code: string): Finding[] {
  const codes = [...history.rejected.values()];
  const others = [...new Set(codes)].filter((each) => each !== code);
  return [
    { name: `publishes refused with ${code}`, value: codes.length, ok: codes.length > 0 },
    { name: 'refused with another code', value: others.join(', ') || 'none', ok: others.length === 0 },
  ];
}
