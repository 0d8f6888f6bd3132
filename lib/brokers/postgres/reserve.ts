import type { Clock } from '../../contracts/clock.js';
import { Neglect } from '../support/neglect.js';

/** Fewer than these are not worth to be fetched ahead. */
const MANY = 20;
/** Milliseconds within which a batch was worked off whose next one should be here by then. */
const QUICK = 20;
/** Milliseconds until what could not be given back is given back again. */
const AGAIN = 500;

export interface ReserveOptions<T> {
  /** The most that one fetch brings. */
  readonly most: number;
  /** Up to `max` items, without waiting for any. */
  fetch(max: number): Promise<readonly T[]>;
  /** Whether an item that lay here is still to be handed out. */
  holds(item: T): boolean;
  /** Others can have them. */
  giveBack(items: readonly T[]): Promise<unknown>;
}

/**
 * Fetches the next batch while the last one is worked on, so that neither waits for the other. Only while full batches are
 * worked off at once, for what lies here nobody else can start; what nobody asks for after all goes back soon.
 */
export class Reserve<T> {
  #items: T[] = [];
  #coming: Promise<void> | undefined;
  #handedAt = -Infinity;
  #stopped = false;
  readonly #neglect: Neglect;

  constructor(
    private readonly clock: Clock,
    private readonly options: ReserveOptions<T>,
  ) {
    this.#neglect = new Neglect(clock, () => this.giveBack(this.#items.splice(0)));
  }

  /** Up to `max` items that were fetched ahead, else what `wait` brings. One call at a time. */
  async receive(max: number, wait: () => Promise<T[]>): Promise<T[]> {
    const { most, holds } = this.options;
    const quick = this.clock.monotonic() - this.#handedAt < QUICK;
    this.#neglect.asked();
    if (this.#coming) await this.#coming;
    let taken = this.#items.splice(0, max).filter(holds);
    if (taken.length === 0) taken = await wait();
    const full = taken.length >= Math.min(max, most);
    if (quick && full && taken.length >= MANY && this.#items.length === 0) this.#fetch(max);
    this.#handedAt = this.clock.monotonic();
    return taken;
  }

  /** What fails may have been done all the same, and others have it now: nobody gets it here, and it is told until that is heard. */
  giveBack(items: readonly T[]): void {
    if (items.length === 0 || this.#stopped) return;
    const again = (): void => void this.clock.after(AGAIN, () => this.giveBack(items), true);
    this.options.giveBack(items).catch(again);
  }

  /** Nothing is given back from now on. */
  stop(): void {
    this.#stopped = true;
    this.#items = [];
    this.#neglect.stop();
  }

  #fetch(max: number): void {
    const keep = (items: readonly T[]): void => {
      this.#coming = undefined;
      this.#keep(items);
    };
    // Whoever asks next fetches himself, and hears why that fails.
    this.#coming = this.options.fetch(max).then(keep, () => keep([]));
  }

  #keep(items: readonly T[]): void {
    if (items.length === 0 || this.#stopped) return;
    this.#items.push(...items);
    this.#neglect.watch();
  }
}
