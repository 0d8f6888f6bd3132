import type { RatePolicy } from '../../contracts/policy.js';

/** How often starts may come. */
export type Pace = Readonly<Pick<RatePolicy, 'interval' | 'burst' | 'schedule'>>;

export function samePace(one: Pace, other: Pace | undefined): boolean {
  return one.interval === other?.interval && one.burst === other.burst && one.schedule === other.schedule;
}

/** One who waits in a line. */
export class Place {
  /** Has its start. */
  started = false;
  #settled: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(
    readonly pace: () => Pace | undefined,
    private readonly left: (place: Place) => void,
  ) {}

  /** Resolves when the start has come; rejects when none can be had. Ask once, and only when not {@link started}. */
  turn(): Promise<void> {
    return new Promise((resolve, reject) => (this.#settled = { resolve, reject }));
  }

  /** Gives the place up. */
  leave(): void {
    this.left(this);
  }

  go(): void {
    this.started = true;
    this.#settled?.resolve();
  }

  fail(error: unknown): void {
    this.#settled?.reject(error);
  }
}
