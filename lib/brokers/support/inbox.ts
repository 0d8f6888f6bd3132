import type { Clock } from '../../contracts/clock.js';
import { Nap } from './nap.js';
import { Neglect } from './neglect.js';

/** Longest that `receive` waits for an item, as the contract of brokers allows. */
const PATIENCE = 5000;

/** Turns a client that pushes into one that is asked: what arrives is kept until `receive` takes it. One `receive` at a time. */
export class Inbox<T> {
  #items: T[] = [];
  #failure: Error | undefined;
  readonly #nap: Nap;
  readonly #neglect: Neglect;

  /** `idle` is called when items lie here for which nobody has asked: others could have them. */
  constructor(clock: Clock, idle: () => void) {
    this.#nap = new Nap(clock);
    this.#neglect = new Neglect(clock, () => {
      if (this.#items.length > 0 && !this.#failure) idle();
    });
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    if (!this.#nap.end()) this.#neglect.watch();
  }

  /** These were taken and could not be passed on: they lie here again, before all others. */
  restore(items: readonly T[]): void {
    if (items.length === 0) return;
    this.#items = [...items, ...this.#items];
    if (!this.#nap.end()) this.#neglect.watch();
  }

  /** Nothing more will come: ends a waiting `receive` and every later one with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#nap.end();
  }

  /** Ends a waiting `receive`. */
  wake(): void {
    this.#nap.end();
  }

  /** All that lies here; it is here no more. */
  takeAll(): T[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** Up to `max` items, as soon as there is one; nothing after five seconds, or soon after `signal` aborts. */
  async receive(max: number, signal: AbortSignal): Promise<T[]> {
    if (this.#items.length === 0 && !this.#failure && !signal.aborted) await this.#nap.wait(PATIENCE, signal);
    this.#neglect.asked();
    if (this.#failure) throw this.#failure;
    if (max >= this.#items.length) return this.takeAll();
    this.#neglect.watch();
    return this.#items.splice(0, max);
  }
}
