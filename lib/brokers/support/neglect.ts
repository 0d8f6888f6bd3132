import type { Clock } from '../../contracts/clock.js';

/** Milliseconds that something may lie here while nobody asks for it. */
const IDLE = 200;

/** Notices that nobody asks for what lies here. One timer, however often somebody does. */
export class Neglect {
  #asked = -Infinity;
  #cancel: (() => void) | undefined;

  /** `neglected` is called when nobody asked for a while. */
  constructor(
    private readonly clock: Clock,
    private readonly neglected: () => void,
  ) {}

  asked(): void {
    this.#asked = this.clock.monotonic();
  }

  /** Something lies here from now on. */
  watch(): void {
    this.#cancel ??= this.clock.after(IDLE, () => this.#look(), true);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    this.#cancel = undefined;
    if (this.clock.monotonic() - this.#asked >= IDLE) this.neglected();
    else this.watch();
  }
}
