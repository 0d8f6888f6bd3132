import type { Clock } from '../../contracts/clock.js';

/** Lines of one kind within this time, in milliseconds, become one. */
const PERIOD = 1000;

/** Keeps a fault that comes with every message from filling the log: the first line at once, then one a second with how many there were. */
export class LogDamper {
  readonly #held = new Map<string, { count: number; last: () => void }>();
  readonly #cancels = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  /** Calls `write` now, or at the end of the second with the number of lines of this `kind` that it stands for. */
  say(kind: string, write: (more: string) => void): void {
    const held = this.#held.get(kind);
    if (!held) {
      this.#held.set(kind, { count: 0, last: () => undefined });
      this.#wait(kind);
      return write('');
    }
    held.count++;
    held.last = () => write(held.count > 1 ? ` (and ${held.count - 1} more like this)` : '');
  }

  /** Writes what is held. */
  close(): void {
    for (const cancel of this.#cancels) cancel();
    for (const { count, last } of this.#held.values()) if (count > 0) last();
    this.#held.clear();
  }

  #wait(kind: string): void {
    const cancel = this.clock.after(
      PERIOD,
      () => {
        this.#cancels.delete(cancel);
        const { count, last } = this.#held.get(kind)!;
        this.#held.delete(kind);
        if (count === 0) return;
        this.#held.set(kind, { count: 0, last: () => undefined });
        this.#wait(kind);
        last();
      },
      true,
    );
    this.#cancels.add(cancel);
  }
}
