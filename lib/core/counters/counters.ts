import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { ManagedTask as Task } from '../../contracts/task.js';
import type { Events } from '../events.js';
import { COUNTED, Tally } from './tally.js';

/** The events about a task that are counted under their own name. */
const EACH = [
  'started', 'failed', 'retried', 'requeued', 'deferred', 'filtered', 'expired', 'discarded', 'released', 'late',
] as const; // prettier-ignore

const [PUBLISHED, RETRIED, DEAD, LOST] = (['published', 'retried', 'dead', 'leaseLost'] as const).map((name) =>
  COUNTED.indexOf(name),
) as [number, number, number, number];

/**
 * Counts what the engine tells, by broker and queue: two brokers may have queues of one name. Told of every end exactly
 * once, after it was written to the broker, so at rest the counts are what became of the tasks.
 */
export class Counters {
  readonly #tallies = new Map<string, Map<string, Tally>>();
  /** The policy of the task that was told of last, and its tally: the next task mostly has the same. */
  #policy: Policy | undefined;
  #tally: Tally | undefined;

  /** `consumed` tells whether a queue has a consumer: what goes to dead letters, callers or other apps is not counted. */
  constructor(
    events: Events,
    private readonly clock: Clock,
    consumed: (broker: string, queue: string) => boolean,
  ) {
    for (const name of EACH) {
      const place = COUNTED.indexOf(name);
      events.on(name, ({ task }) => this.#ofTask(task).add(place, 1));
    }
    events.on('done', ({ task, duration }) => this.#ofTask(task).done(duration));
    events.on('rerun', ({ task }) => this.#ofTask(task).add(RETRIED, 1));
    // Without its task it was a message that nobody could read; whoever takes it over will count it.
    events.on('leaseLost', ({ task }) => task && this.#ofTask(task).add(LOST, 1));
    events.on('dead', ({ broker, queue }) => this.of(broker, queue).add(DEAD, 1));
    events.on('published', ({ broker, queue, count }) => {
      if (consumed(broker, queue)) this.of(broker, queue).add(PUBLISHED, count);
    });
  }

  of(broker: string, queue: string): Tally {
    let queues = this.#tallies.get(broker);
    if (!queues) this.#tallies.set(broker, (queues = new Map()));
    let tally = queues.get(queue);
    if (!tally) queues.set(queue, (tally = new Tally(this.clock)));
    return tally;
  }

  #ofTask({ policy }: Task): Tally {
    if (policy === this.#policy) return this.#tally!;
    this.#policy = policy;
    return (this.#tally = this.of(policy.broker, policy.queue));
  }
}
