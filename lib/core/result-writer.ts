import type { Clock } from '../contracts/clock.js';
import type { ResultStore, TaskResult } from '../contracts/stores.js';
import { RECONNECT, backoff } from './backoff.js';
import { withDeadline } from './deadline.js';
import { FunqError } from './errors.js';
import type { Events } from './events.js';

/** Records are written this long after the first of them came, or when this many have gathered. */
const WAIT = 500;
const BATCH = 500;
/** The most that wait while the store is away; the oldest are given up beyond it. */
const BUFFER = 10_000;
const DEADLINE = 10_000;
/** Tries of the last flush. */
const TRIES = 5;

/** Gathers results for the store. Tasks never wait for it: a store that is slow or away costs records, not tasks. */
export class ResultWriter {
  readonly #buffer: TaskResult[] = [];
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;

  constructor(
    private readonly store: ResultStore,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  add(result: TaskResult): void {
    this.#buffer.push(result);
    if (this.#buffer.length > BUFFER) {
      this.#buffer.shift();
      this.events.emit('resultsDropped', {
        count: 1,
        error: new Error(`more than ${BUFFER} results wait for the store`),
      });
    }
    if (this.#buffer.length >= BATCH && this.#failures === 0) void this.#write();
    else this.#cancel ??= this.clock.after(WAIT, () => void this.#write());
  }

  /** Writes everything; what the store does not take within a few tries is given up. For shutdown. */
  async flush(): Promise<void> {
    for (let failed = 0; (this.#buffer.length > 0 || this.#writing) && failed < TRIES;) {
      await this.#write();
      if (this.#failures > 0 && ++failed < TRIES) await this.clock.sleep(backoff(failed, RECONNECT));
    }
    this.#cancel?.();
    this.#cancel = undefined;
    const lost = this.#buffer.splice(0);
    if (lost.length > 0)
      this.events.emit('resultsDropped', { count: lost.length, error: new Error('the store was away at shutdown') });
  }

  #write(): Promise<void> {
    return (this.#writing ??= this.#run().finally(() => (this.#writing = undefined)));
  }

  async #run(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const batch = this.#buffer.slice(0, BATCH);
    if (batch.length === 0) return;
    try {
      const late = (): Error =>
        new FunqError('FUNQ_BROKER_UNAVAILABLE', `store ${this.store.kind} did not answer within ${DEADLINE} ms`);
      const failures = await withDeadline(this.clock, DEADLINE, this.store.save(batch), late);
      this.#forget(batch);
      this.#failures = 0;
      if (failures.length > 0)
        this.events.emit('resultsDropped', { count: failures.length, error: failures[0]!.error });
    } catch (error) {
      this.#failures++;
      this.events.emit('storeError', { store: this.store.kind, error });
    }
    const wait = this.#failures > 0 ? backoff(this.#failures, RECONNECT) : WAIT;
    if (this.#buffer.length > 0) this.#cancel ??= this.clock.after(wait, () => void this.#write());
  }

  /** Takes out what was written; the oldest of it may have been given up meanwhile. */
  #forget(batch: readonly TaskResult[]): void {
    const last = this.#buffer.indexOf(batch[batch.length - 1]!);
    this.#buffer.splice(0, last + 1);
  }
}
