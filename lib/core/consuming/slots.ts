import type { Policy } from '../../contracts/policy.js';

/** Part of a second that a consumer fetches ahead of its rate: time for a fetch, and for what stands before the start. */
const AHEAD = 0.25;
/** From this many on, they are fetched by halves. */
const BATCHED = 20;

/** How many tasks of one consumer may be in hand, and how many are. */
export class Slots {
  /** In hand: taken and not ended. */
  #busy = 0;
  /** Of these, those that wait for their start. */
  #pending = 0;
  #settling = 0;
  #waiting: (() => void) | undefined;

  constructor(private policy: Policy) {}

  /** From now on these many; what runs is not ended. */
  follow(policy: Policy): void {
    this.policy = policy;
    this.#wake();
  }

  /**
   * Free slots; under a rate only for a few more than run, so that one process doesn't hoard what another could start sooner.
   */
  get free(): number {
    const { concurrency, rate } = this.policy;
    // Settlements under way hold no slot, yet what the broker has not been told of stays bounded.
    const room = Math.min(concurrency - this.#busy, 2 * concurrency - this.#busy - this.#settling);
    // Under a limit with keys the next one may start at once.
    if (!rate || rate.key) return room;
    const ahead = Math.max(rate.burst, Math.ceil((1000 / rate.interval) * AHEAD), 1);
    // In batches where there are many: a fetch for each start would cost a busy broker more than the starts do.
    return ahead >= BATCHED && this.#pending > ahead / 2 ? 0 : Math.min(room, ahead - this.#pending);
  }

  /** Concurrency follows the rate, and can't any further: every slot is taken by a task that runs. */
  get exhausted(): boolean {
    return this.policy.elastic && this.#busy - this.#pending >= this.policy.concurrency;
  }

  take(): void {
    this.#busy++;
    this.#pending++;
  }

  /** One that was taken has got its start. */
  began(): void {
    this.#pending--;
    this.#wake();
  }

  /** The call has ended, after its start or without one, and is being settled. */
  end(begun: boolean): void {
    this.#busy--;
    if (!begun) this.#pending--;
    this.#settling++;
    this.#wake();
  }

  /** Settled. */
  leave(): void {
    this.#settling--;
    this.#wake();
  }

  /** Resolves when a slot may have become free, or all are exhausted, or `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting = undefined;
        resolve();
      };
      this.#waiting = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
    // What ends in the same turn is fetched together.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #wake(): void {
    if (this.#waiting && (this.free > 0 || this.exhausted)) this.#waiting();
  }
}
