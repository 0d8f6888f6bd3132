import type { Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';

/** Milliseconds after which a publish that is never refused is a defect, which the findings tell. */
const PATIENCE = 20_000;

/** Publishes for `ms` at least, until it is refused; `before` each time does what makes it so. */
export async function publishUntilRefused(rig: Rig, ms: number, before?: () => void): Promise<void> {
  const known = rig.history.rejected.size;
  const since = performance.now();
  const elapsed = (): number => performance.now() - since;
  while (elapsed() < ms || (rig.history.rejected.size === known && elapsed() < PATIENCE)) {
    before?.();
    await rig.during('a publish to be refused', rig.publisher.publish({ more: 1 }));
  }
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
