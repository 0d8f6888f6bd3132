import type { PublishOrder } from '../process/order.js';
import type { Fleet } from './fleet.js';
import type { History } from './history.js';

/** The most tasks, and the largest part of all, that are published and not executed: publishing goes on during the whole run. */
const AHEAD = { tasks: 4000, share: 0.1 };
/** The most that one order asks for. */
const LOT = 500;

/**
 * Has tasks published, not much faster than they are executed: until as many as wanted were acknowledged, and as long as harm is
 * done, which takes longer on a slow machine.
 */
export class Supply {
  readonly #ahead: number;
  /** No more than what was wanted. */
  #closing = false;
  /** How many tasks each publisher was told to publish, by its name. */
  readonly #ordered = new Map<string, number>();

  constructor(
    private readonly fleet: Fleet,
    private readonly history: History,
    private readonly wanted: number,
  ) {
    this.#ahead = Math.min(AHEAD.tasks, Math.ceil(wanted * AHEAD.share));
  }

  /** As many as wanted were acknowledged, and nothing is under way any more. */
  get isComplete(): boolean {
    return this.#acknowledged >= this.wanted && this.fleet.publishers.every(({ name }) => this.#openOf(name) === 0);
  }

  close(): void {
    this.#closing = true;
  }

  /** Called again and again. */
  supply(): void {
    const { acknowledged, ended } = this.history;
    const [publisher] = this.fleet.publishers;
    if (!publisher) return;
    const open = this.#openOf(publisher.name);
    const room = this.#ahead - (acknowledged.size - ended.size);
    const wanted = this.#closing ? this.wanted - this.#acknowledged : Infinity;
    const more = Math.min(LOT, room - open, wanted - open);
    if (more <= 0 || !publisher.child.connected) return;
    const order: PublishOrder = { more };
    // To one that dies meanwhile it makes no difference.
    publisher.child.send(order, () => undefined);
    this.#ordered.set(publisher.name, this.#orderedOf(publisher.name) + more);
  }

  #orderedOf(publisher: string): number {
    return this.#ordered.get(publisher) ?? 0;
  }

  /** Ordered, and neither acknowledged nor refused. */
  #openOf(publisher: string): number {
    return this.#orderedOf(publisher) - this.history.settledBy(publisher);
  }

  get #acknowledged(): number {
    return [...this.#ordered.keys()].reduce((sum, name) => sum + this.history.acknowledgedBy(name), 0);
  }
}
