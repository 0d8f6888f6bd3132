import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { Store } from '../../contracts/stores.js';
import { SystemClock } from '../../core/system-clock.js';
import type { Requirement } from '../conformance.js';
import { ManualClock } from '../manual-clock.js';

/** What is known of a store before its cases run. */
export interface StoreFacts<S extends Store> {
  readonly create: () => S;
  readonly followsClock: boolean;
  readonly durable: boolean;
  readonly shared: boolean;
}

export type StoreCase<S extends Store> = Requirement<StoreTrial<S>>;

/** On a real clock, milliseconds by which a machine may be late. */
const LATE = 150;

/** What one case works with: names of its own, its stores, and a clock that is moved by hand if the store follows it. */
export class StoreTrial<S extends Store> {
  readonly #manual: ManualClock | undefined;
  readonly #stores: S[] = [];
  readonly #prefix = randomUUID();
  readonly clock: Clock;

  constructor(readonly facts: StoreFacts<S>) {
    this.#manual = facts.followsClock ? new ManualClock() : undefined;
    this.clock = this.#manual ?? new SystemClock();
  }

  async open(): Promise<S> {
    const store = this.facts.create();
    this.#stores.push(store);
    await store.connect({ clock: this.clock });
    return store;
  }

  /** Another object over the same storage where there can be one, else `store` itself. */
  async reach(store: S): Promise<S> {
    return this.facts.shared ? this.open() : store;
  }

  /** A name that no other case uses. */
  name(rest = ''): string {
    return `${this.#prefix}${rest}`;
  }

  /** By how many milliseconds a wait may differ from what was computed. */
  get tolerance(): number {
    return this.#manual ? 0.01 : LATE;
  }

  /** Lets `ms` go by. */
  pass(ms: number): Promise<void> {
    return this.#manual ? this.#manual.advance(ms) : this.clock.sleep(ms);
  }

  /** Goes to the last millisecond of a term that began just now, or on a real clock well into it. */
  almost(term: number): Promise<void> {
    return this.pass(this.#manual ? term - 1 : term / 2);
  }

  /** After {@link almost}: goes to the first millisecond after that term. */
  rest(term: number): Promise<void> {
    return this.pass(this.#manual ? 1 : term / 2 + LATE);
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close().catch(() => {});
  }
}

/** What holds for every store; `touch` is any verb. */
export function storeCases<S extends Store>(touch: (store: S) => Promise<unknown>): StoreCase<S>[] {
  return [
    {
      name: 'store: connect and close twice are once',
      async run(trial) {
        const store = await trial.open();
        await store.connect({ clock: trial.clock });
        await touch(store);
        await store.close();
        await assert.rejects(touch(store), 'one close is enough');
        await Promise.all([store.close(), store.close()]);
      },
    },
    {
      name: 'store: close of one that was never connected is harmless',
      run: (trial) => trial.facts.create().close(),
    },
    {
      name: 'store: verbs reject after close',
      async run(trial) {
        const store = await trial.open();
        await store.close();
        await assert.rejects(touch(store), 'a closed store must reject');
      },
    },
  ];
}
