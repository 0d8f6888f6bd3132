import type { PublishOrder } from '../process/order.js';
import type { Fleet } from './fleet.js';
import type { History } from './history.js';

/** The most tasks, and the largest part of all, that are published and not executed: publishing goes on during the whole run. */
const AHEAD = { tasks: 4000, share: 0.1 };
/** The most that one order asks for. */
const LOT = 500;

/** Has tasks published until as many as wanted were acknowledged, not much faster than they are executed. */
export class Supply {
  readonly #ahead: number;
  /** How many tasks each publisher was told to publish, by its name. */
  readonly #ordered = new Map<string, number>();

  constructor(
    private readonly fleet: Fleet,
    private readonly history: History,
    private readonly wanted: number,
  ) {
    this.#ahead = Math.min(AHEAD.tasks, Math.ceil(wanted * AHEAD.share));
  }

  get isComplete(): boolean {
    return this.#acknowledged >= this.wanted;
  }

  /** Called again and again. */
  supply(): void {
    const { acknowledged, ended } = this.history;
    const [publisher] = this.fleet.publishers;
    if (!publisher) return;
    const ordered = this.#ordered.get(publisher.name) ?? 0;
    const open = ordered - this.history.settledBy(publisher.name);
    const room = this.#ahead - (acknowledged.size - ended.size);
    const more = Math.min(LOT, room - open, this.wanted - this.#acknowledged - open);
    if (more <= 0 || !publisher.child.connected) return;
    const order: PublishOrder = { more };
    // To one that dies meanwhile it makes no difference.
    publisher.child.send(order, () => undefined);
    this.#ordered.set(publisher.name, ordered + more);
  }

  get #acknowledged(): number {
    return [...this.#ordered.keys()].reduce((sum, name) => sum + this.history.acknowledgedBy(name), 0);
  }
}
