import type { RunningTask } from './running-task.js';

/** A task that was in hand at this many deaths short of its limit is suspected of causing them. */
const MARGIN = 2;
/** How long the other suspects are put back while one is examined. */
export const QUARANTINE_DELAY = 250;

export type Verdict = 'clean' | 'suspect' | 'poison';

/** A death is counted when a task is claimed, so it also counts for the innocent tasks that were in hand with the guilty one. */
export function verdict(task: RunningTask): Verdict {
  const limit = task.policy.maxDeliveries;
  if (task.redelivered >= limit) return 'poison';
  return task.redelivered >= Math.max(1, limit - MARGIN) ? 'suspect' : 'clean';
}

/**
 * The place where a process runs suspects: one at a time, the others put back uncounted meanwhile. So only the task that
 * really kills its process reaches the limit, and the innocent ones pass.
 */
export class Quarantine {
  #stay: object | undefined;

  /** Resolves what ends the stay, however often it is called, or `undefined` while another suspect is in. */
  enter(): (() => void) | undefined {
    if (this.#stay) return undefined;
    const stay = (this.#stay = {});
    return () => {
      if (this.#stay === stay) this.#stay = undefined;
    };
  }
}
