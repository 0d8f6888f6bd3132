/** Sends a list and resolves to each member's own answer, in order. */
export type SendBatch<T, A> = (items: readonly T[]) => Promise<readonly A[]>;

interface Waiting<T, A> {
  readonly item: T;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is asked for while one call is in flight and sends it as the next: no timer, no added wait when idle, big
 * batches under load. Each promise settles by its own member's fate.
 */
export class Batcher<T, A> {
  #waiting: Waiting<T, A>[] = [];
  #sending: Promise<void> | undefined;

  /** `max` members go in one call. */
  constructor(
    private readonly send: SendBatch<T, A>,
    private readonly max: number,
  ) {}

  /** Resolves when the member was sent, to its own answer. Rejects when its whole call failed. */
  add(item: T): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#sending ??= this.#run();
    });
  }

  /** Resolves when everything that was added has been sent or has failed. */
  async flush(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  async #run(): Promise<void> {
    // What is added in the same turn goes together.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.length <= this.max ? this.#waiting : this.#waiting.slice(0, this.max);
      this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(this.max);
      await this.#dispatch(batch);
    }
    this.#sending = undefined;
  }

  async #dispatch(batch: readonly Waiting<T, A>[]): Promise<void> {
    try {
      const answers = await this.send(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(answers[index]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
