import type { Clock } from '../contracts/clock.js';
import type { ResultStore, TaskResult } from '../contracts/stores.js';
import { withDeadline } from '../contracts/deadline.js';
import { RECONNECT, backoff } from './backoff.js';
import { FunqError } from './errors.js';
import type { Events } from './events.js';
import { ResultBuffer } from './result-buffer.js';

/** Records are written this long after the first of them came, or when this many have gathered. */
const WAIT = 500;
const BATCH = 500;
const DEADLINE = 10_000;
/** Tries of the last flush. */
const TRIES = 5;

/** Gathers results for the store. Tasks never wait for it: a store that is slow or away costs records, not tasks. */
export class ResultWriter {
  readonly #buffer = new ResultBuffer();
  /** Made once, for there may be thousands a second. */
  readonly #tooMany = new Error('too many results wait for the store');
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;

  constructor(
    private readonly store: ResultStore,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  add(result: TaskResult): void {
    this.#dropped(this.#buffer.add(result));
    if (this.#buffer.waiting >= BATCH && this.#failures === 0) void this.#write();
    else this.#schedule(WAIT);
  }

  /** Writes everything; what the store does not take within a few tries is given up. For shutdown. */
  async flush(): Promise<void> {
    for (let failed = 0; (this.#buffer.waiting > 0 || this.#writing) && failed < TRIES;) {
      await this.#write();
      if (this.#failures > 0 && ++failed < TRIES) await this.clock.sleep(backoff(failed, RECONNECT));
    }
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dropped(this.#buffer.clear(), new Error('the store was away at shutdown'));
  }

  #write(): Promise<void> {
    return (this.#writing ??= this.#run().finally(() => (this.#writing = undefined)));
  }

  async #run(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const batch = this.#buffer.take(BATCH);
    if (batch.length === 0) return;
    try {
      const late = (): Error =>
        new FunqError('FUNQ_BROKER_UNAVAILABLE', `store ${this.store.kind} did not answer within ${DEADLINE} ms`);
      const failures = await withDeadline(this.clock, DEADLINE, this.store.save(batch), late);
      this.#buffer.saved();
      this.#failures = 0;
      if (failures.length > 0)
        this.events.emit('resultsDropped', { count: failures.length, error: failures[0]!.error });
    } catch (error) {
      this.#failures++;
      this.#dropped(this.#buffer.unsaved());
      this.events.emit('storeError', { store: this.store.kind, error });
    }
    if (this.#buffer.waiting > 0) this.#schedule(this.#failures > 0 ? backoff(this.#failures, RECONNECT) : WAIT);
  }

  #schedule(wait: number): void {
    this.#cancel ??= this.clock.after(wait, () => {
      this.#cancel = undefined;
      void this.#write();
    });
  }

  #dropped(count: number, error = this.#tooMany): void {
    if (count > 0) this.events.emit('resultsDropped', { count, error });
  }
}
