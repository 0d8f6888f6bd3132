import type { Clock } from '../contracts/clock.js';
import { settledBefore } from '../contracts/deadline.js';

interface Deadline {
  readonly at: number;
  over(): void;
}

/**
 * Deadlines of one length. They end in the order in which they were set, so one timer serves all of them: where there are a
 * hundred thousand a second, a timer for each costs more than the work that it watches. They keep no process alive.
 */
export class Deadlines {
  /** In the order of their ends. */
  readonly #pending = new Set<Deadline>();
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    /** Milliseconds from being set to the end. */
    private readonly length: number,
  ) {}

  /** Calls `over` at the end of the time, outside of any task; the returned function ends it before. */
  set(over: () => void): () => void {
    const deadline: Deadline = { at: this.clock.monotonic() + this.length, over };
    this.#pending.add(deadline);
    if (!this.#cancel) this.#aim(this.length);
    return () => {
      this.#pending.delete(deadline);
      if (this.#pending.size === 0) this.#rest();
    };
  }

  /** Settles as `work` does, or rejects with `late()` at the end of the time. What it does later is ignored. */
  within<T>(work: () => Promise<T>, late: () => Error): Promise<T> {
    return settledBefore((over) => this.set(over), work, late);
  }

  #aim(ms: number): void {
    this.#cancel = this.clock.after(ms, () => this.#ring(), true);
  }

  #ring(): void {
    const now = this.clock.monotonic();
    for (const deadline of this.#pending) {
      if (deadline.at > now) break;
      this.#pending.delete(deadline);
      deadline.over();
    }
    this.#rest();
    const [next] = this.#pending;
    if (next) this.#aim(next.at - now);
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
