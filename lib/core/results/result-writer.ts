import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import type { ResultStore, TaskResult } from '../../contracts/stores.js';
import { RECONNECT, backoff } from '../backoff.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import { ResultBuffer } from './result-buffer.js';

/** Records are written this long after the first of them came, or when this many have gathered. */
const WAIT = 500;
const BATCH = 500;
const DEADLINE = 10_000;
/** A batch that failed is halved, for the store may be too slow for it; each that went well lets the next one grow by this. */
const GROWTH = 50;
/** Tries of the last flush, and the milliseconds after which it begins no other. */
const TRIES = 5;
const FLUSH = 15_000;

/** Gathers results for the store. Tasks never wait for it: a store that is slow or away costs records, not tasks. */
export class ResultWriter {
  readonly #buffer = new ResultBuffer();
  /** Made once, for there may be thousands a second. */
  readonly #tooMany = new Error('too many results wait for the store');
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #size = BATCH;
  /** Nothing else begins a write. */
  #flushing = false;

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

  /** Writes everything; what the store does not take within a few tries, or in time, is given up. For shutdown. */
  async flush(): Promise<void> {
    const over = this.clock.monotonic() + FLUSH;
    this.#flushing = true;
    this.#cancel?.();
    this.#cancel = undefined;
    for (let failed = 0; this.#writing || (this.#buffer.waiting > 0 && this.clock.monotonic() < over);) {
      await this.#write();
      if (this.#failures === 0) continue;
      if (++failed === TRIES) break;
      await this.clock.sleep(backoff(failed, RECONNECT));
    }
    this.#flushing = false;
    this.#dropped(this.#buffer.clear(), new Error('the store was away, or too slow, at shutdown'));
  }

  #write(): Promise<void> {
    return (this.#writing ??= this.#run().finally(() => (this.#writing = undefined)));
  }

  async #run(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const batch = this.#buffer.take(this.#size);
    if (batch.length === 0) return;
    try {
      const late = (): Error =>
        new FunqError('FUNQ_BROKER_UNAVAILABLE', `store ${this.store.kind} did not answer within ${DEADLINE} ms`);
      const failures = await withDeadline(this.clock, DEADLINE, this.store.save(batch), late);
      this.#buffer.saved();
      this.#failures = 0;
      this.#size = Math.min(BATCH, this.#size + GROWTH);
      if (failures.length > 0)
        this.events.emit('resultsDropped', { count: failures.length, error: failures[0]!.error });
    } catch (error) {
      this.#failures++;
      this.#size = Math.ceil(this.#size / 2);
      this.#dropped(this.#buffer.unsaved());
      this.events.emit('storeError', { store: this.store.kind, error });
    }
    if (this.#buffer.waiting > 0) this.#schedule(this.#failures > 0 ? backoff(this.#failures, RECONNECT) : WAIT);
  }

  #schedule(wait: number): void {
    if (!this.#flushing)
      this.#cancel ??= this.clock.after(wait, () => {
        this.#cancel = undefined;
        void this.#write();
      });
  }

  #dropped(count: number, error = this.#tooMany): void {
    if (count > 0) this.events.emit('resultsDropped', { count, error });
  }
}
