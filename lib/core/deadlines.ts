import type { Clock } from '../contracts/clock.js';
import { putOff, settledBefore } from '../contracts/deadline.js';

interface Deadline {
  readonly at: number;
  over(late: number): void;
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

  /** Calls `over` at the end of the time, or `late` milliseconds after it, outside of any task; the returned function ends it before. */
  set(over: (late: number) => void): () => void {
    const deadline: Deadline = { at: this.clock.monotonic() + this.length, over };
    this.#pending.add(deadline);
    if (!this.#cancel) this.#aim(this.length);
    return () => {
      this.#pending.delete(deadline);
      if (this.#pending.size === 0) this.#rest();
    };
  }

  /** Settles as `work` does, or rejects with `late()` at the end of the time, as `withDeadline` does. */
  within<T>(work: () => Promise<T>, late: () => Error): Promise<T> {
    const set = (over: () => void): (() => void) => {
      let cancel = this.set((ms) => (cancel = putOff(this.clock, ms, this.length, over, true)));
      return () => cancel();
    };
    return settledBefore(set, work, late);
  }

  #aim(ms: number): void {
    this.#cancel = this.clock.after(ms, () => this.#ring(), true);
  }

  #ring(): void {
    const now = this.clock.monotonic();
    for (const deadline of this.#pending) {
      if (deadline.at > now) break;
      this.#pending.delete(deadline);
      deadline.over(now - deadline.at);
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
