import type { Clock } from '../../contracts/clock.js';
import { Fading } from '../support/fading.js';
import type { RememberedIds } from '../support/unique.js';

/** The ids of one queue whose repeats are dropped. */
export class MemoryIds implements RememberedIds {
  readonly #ids = new Fading<true>();

  constructor(private readonly clock: Clock) {}

  remember(id: string, window: number): boolean {
    const now = this.clock.monotonic();
    if (this.#ids.get(id, now)) return false;
    this.#ids.set(id, true, now + window, now);
    return true;
  }

  forget(id: string): void {
    this.#ids.delete(id);
  }

  get empty(): boolean {
    return this.#ids.values(this.clock.monotonic()).length === 0;
  }
}
