/**
 * Sends a list and resolves to each member's own answer, in order. By `giveUp` all fail that stood behind the list already when
 * it was sent, and still do.
 */
export type SendBatch<T, A> = (items: readonly T[], giveUp: (error: unknown) => void) => Promise<readonly A[]>;

/** Hears what became of one member: its own answer, or why its whole call failed. Must not throw. */
export interface Listener<A> {
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/**
 * Gathers what is asked for while a call is in flight and sends it as the next: no timer, no added wait when idle, big
 * batches under load. Each member settles by its own fate.
 */
export class Batcher<T, A> {
  #items: T[] = [];
  #listeners: Listener<A>[] = [];
  /** How many have been taken out of the list so far. */
  #taken = 0;
  readonly #lanes = new Set<Promise<void>>();
  #running = 0;
  #gathering = false;

  /** `max` members go in one call; `width` calls are in flight at once; `idle` is told when nothing is left. */
  constructor(
    private readonly send: SendBatch<T, A>,
    private readonly max: number,
    private readonly width = 1,
    private readonly idle?: () => void,
  ) {}

  /** Resolves when the member was sent, to its own answer. Rejects when its whole call failed. */
  add(item: T): Promise<A> {
    return new Promise((resolve, reject) => this.post(item, { resolve, reject }));
  }

  /** As {@link add}, without a promise for each member: where there are hundreds of thousands a second. */
  post(item: T, listener: Listener<A>): void {
    this.#items.push(item);
    this.#listeners.push(listener);
    if (this.#running < this.width && !this.#gathering) this.#begin();
  }

  /** Resolves when everything that was added has been sent or has failed. */
  async flush(): Promise<void> {
    while (this.#running > 0) await Promise.all(this.#lanes);
  }

  #begin(): void {
    this.#running++;
    this.#gathering = true;
    const lane = this.#run().then(() => void this.#lanes.delete(lane));
    this.#lanes.add(lane);
  }

  async #run(): Promise<void> {
    // What is added in the same turn goes together.
    await undefined;
    this.#gathering = false;
    while (this.#items.length > 0) {
      const all = this.#items.length <= this.max;
      const items = all ? this.#items : this.#items.slice(0, this.max);
      const listeners = all ? this.#listeners : this.#listeners.slice(0, this.max);
      this.#items = all ? [] : this.#items.slice(this.max);
      this.#listeners = all ? [] : this.#listeners.slice(this.max);
      this.#taken += items.length;
      await this.#dispatch(items, listeners);
    }
    if (--this.#running === 0) this.idle?.();
  }

  async #dispatch(items: readonly T[], listeners: readonly Listener<A>[]): Promise<void> {
    const end = this.#taken + this.#items.length;
    try {
      const answers = await this.send(items, (error) => this.#giveUp(end - this.#taken, error));
      for (let index = 0; index < listeners.length; index++) listeners[index]!.resolve(answers[index]!);
    } catch (error) {
      for (const listener of listeners) listener.reject(error);
    }
  }

  #giveUp(count: number, error: unknown): void {
    if (count <= 0) return;
    this.#taken += count;
    this.#items.splice(0, count);
    for (const listener of this.#listeners.splice(0, count)) listener.reject(error);
  }
}
