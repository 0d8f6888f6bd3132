import { fileURLToPath } from 'node:url';
import { installPackages } from './support/debian.mjs';
import { withLock } from './support/lock.mjs';
import { SERVERS } from './servers.mjs';

const LOCK = fileURLToPath(new URL('../../.services/obtain.lock', import.meta.url));

/** Brings whatever these servers need and this machine has not; throws a `ServiceFailure` when it can't. */
export async function obtain(names, say) {
  const packages = () => [...new Set(names.flatMap((name) => SERVERS[name].missing()))];
  await withLock(LOCK, async () => {
    installPackages(packages(), say);
    for (const name of names) SERVERS[name].fetch?.(say);
  });
}
