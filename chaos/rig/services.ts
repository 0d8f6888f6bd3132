import type * as Services from '../../scripts/services/index.mjs';
import type { ServiceName } from '../../scripts/services/index.mjs';

export type { PrivateServer, ServiceName } from '../../scripts/services/index.mjs';

/** They run as they are, so they stand where they are, seen from the compiled rig. */
const { SERVICES, ensureService, freePorts, standInOf, startPrivate } = (await import(
  new URL('../../../scripts/services/index.mjs', import.meta.url).href
)) as typeof Services;

export { freePorts, standInOf, startPrivate };

/** Whether the broker is a server, and not a file. */
export function isServed(broker: string): broker is ServiceName {
  return Object.hasOwn(SERVICES, broker);
}

/** The address that its variable names, or of the one that all share, which is started if need be. Empty where there is no server. */
export async function urlOf(broker: string): Promise<string> {
  if (!isServed(broker)) return '';
  return process.env[SERVICES[broker]] || ensureService(broker);
}
