import type { Weight } from './order.js';

/** What this process holds. */
export function weight(): Weight {
  globalThis.gc!();
  const sockets = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  return { heap: process.memoryUsage().heapUsed, sockets };
}
