import { SystemClock } from '../../lib/core/system-clock.js';

/** The machine's time from now on, `speed` times as fast. */
export class FastClock extends SystemClock {
  readonly #start = super.now();

  constructor(private readonly speed: number) {
    super();
  }

  override now(): number {
    return this.#start + (super.now() - this.#start) * this.speed;
  }

  override monotonic(): number {
    return super.monotonic() * this.speed;
  }

  override after(ms: number, run: () => void, background = false): () => void {
    return super.after(ms / this.speed, run, background);
  }
}
