import type { Clock } from '../contracts/clock.js';
import type { CoordinationStore, FilterClaim, WorkerReport } from '../contracts/stores.js';
import { Deadlines } from './deadlines.js';
import { FunqError } from './errors.js';

/** Longest, in milliseconds, that tasks wait for an answer of the coordination store. */
const DEADLINE = 5000;

/** A coordination store that answers in time or rejects: one that hangs must not hold slots for ever. */
export class PunctualStore implements Omit<CoordinationStore, 'connect' | 'close'> {
  readonly kind: string;
  readonly durable: boolean;
  readonly shared: boolean;
  readonly #deadlines: Deadlines;

  constructor(
    private readonly store: CoordinationStore,
    clock: Clock,
  ) {
    this.#deadlines = new Deadlines(clock, DEADLINE);
    this.kind = store.kind;
    this.durable = store.durable;
    this.shared = store.shared;
  }

  claim(key: string, owner: string, lease: number): Promise<FilterClaim> {
    return this.#inTime(() => this.store.claim(key, owner, lease));
  }
  confirm(key: string, owner: string, ttl?: number, value?: Uint8Array): Promise<boolean> {
    return this.#inTime(() => this.store.confirm(key, owner, ttl, value));
  }
  release(key: string, owner: string): Promise<void> {
    return this.#inTime(() => this.store.release(key, owner));
  }
  reserve(key: string, interval: number, burst: number, permits: number): Promise<number> {
    return this.#inTime(() => this.store.reserve(key, interval, burst, permits));
  }
  report(worker: WorkerReport, ttl: number): Promise<void> {
    return this.#inTime(() => this.store.report(worker, ttl));
  }
  withdraw(id: string): Promise<void> {
    return this.#inTime(() => this.store.withdraw(id));
  }
  list(): Promise<readonly WorkerReport[]> {
    return this.#inTime(() => this.store.list());
  }
  set(key: string, value: string | undefined): Promise<void> {
    return this.#inTime(() => this.store.set(key, value));
  }
  settings(prefix: string): Promise<ReadonlyMap<string, string>> {
    return this.#inTime(() => this.store.settings(prefix));
  }

  #inTime<T>(ask: () => Promise<T>): Promise<T> {
    const late = (): Error =>
      new FunqError('FUNQ_BROKER_UNAVAILABLE', `store ${this.kind} did not answer within ${DEADLINE} ms`);
    return this.#deadlines.within(ask, late);
  }
}
