import type { CoordinationStore } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';

/** As a store of a server would be: apps that open it see each other, and none closes it for the others. */
export function sharedStore(): CoordinationStore {
  return Object.assign(memoryCoordination(), { shared: true, close: async () => undefined });
}
