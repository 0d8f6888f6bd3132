import type { EventName, FunqEvents } from 'nestjs-funq';

/** How a task can end; each task that was published must end once. */
const ENDS = ['done', 'filtered', 'expired', 'discarded', 'dead'] as const satisfies readonly EventName[];
/** What happens on the way. */
const STEPS = ['failed', 'retried', 'requeued', 'deferred', 'late', 'progress'] as const satisfies readonly EventName[];
/** What must not happen while nothing is wrong with the machine. */
const FAULTS = [
  'publishFailed', 'settleFailed', 'replyFailed', 'leaseLost', 'brokerError', 'storeError', 'resultsDropped',
] as const satisfies readonly EventName[]; // prettier-ignore

/** Counts what the engine tells. */
export class Tally {
  readonly #counts = new Map<EventName, number>();

  constructor(events: FunqEvents) {
    for (const name of [...ENDS, ...STEPS, ...FAULTS])
      events.on(name, () => void this.#counts.set(name, this.of(name) + 1));
  }

  of(name: EventName): number {
    return this.#counts.get(name) ?? 0;
  }

  get ended(): number {
    return ENDS.reduce((sum, name) => sum + this.of(name), 0);
  }

  get faults(): number {
    return FAULTS.reduce((sum, name) => sum + this.of(name), 0);
  }

  toString(): string {
    return [...this.#counts].map(([name, count]) => `${name} ${count}`).join(', ');
  }
}
