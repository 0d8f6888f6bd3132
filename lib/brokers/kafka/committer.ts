import type { Clock } from '../../contracts/clock.js';
import { fenced, said } from './error.js';
import type { Commit } from './member.js';
import { patiently } from './patience.js';
import type { KafkaWindow } from './window.js';

/** How often a commit is tried while the group forms anew. */
const TRIES = 40;

export interface CommitterOptions {
  readonly clock: Clock;
  windows(): Iterable<KafkaWindow>;
  commit(commits: readonly Commit[]): Promise<void>;
  /** The group went on without us: nothing is ours any more. */
  expelled(): void;
  /** The error as one of ours. */
  failed(error: unknown): Error;
}

/** Writes what is known of the partitions, one request at a time; what becomes known meanwhile is in the next one. */
export class KafkaCommitter {
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** Something is known that could not be stored. */
  behind = false;

  constructor(private readonly options: CommitterOptions) {}

  /** Resolves when all that is known now is stored, or no longer ours to store. */
  flush(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const running = this.#write();
      this.#running = running.then(() => void (this.behind = false), () => void (this.behind = true)); // prettier-ignore
      return running;
    });
    return this.#next;
  }

  /** The group answers a commit: what is here may be another's by now. */
  confirm(): Promise<void> {
    for (const window of this.options.windows()) window.dirty = true;
    return this.flush();
  }

  async #write(): Promise<void> {
    const { clock, expelled, failed } = this.options;
    // When it has formed anew, it is known whether these partitions are still ours.
    const forming = (error: unknown): boolean => fenced(error) && !gone(error);
    try {
      await patiently(clock, forming, () => this.#commit(), TRIES);
    } catch (error) {
      if (!gone(error)) throw failed(error);
      expelled();
    }
  }

  async #commit(): Promise<void> {
    const windows = [...this.options.windows()].filter(({ dirty }) => dirty);
    if (windows.length === 0) return;
    const written = windows.map((window) => ({ window, offset: window.committed, ...window.marks() }));
    for (const window of windows) window.dirty = false;
    try {
      await this.options.commit(
        written.map(({ window: { partition }, offset, text }) => ({ partition, offset, text })),
      );
      for (const { window, last } of written) window.marked(last);
    } catch (error) {
      for (const window of windows) window.dirty = true;
      throw error;
    }
  }
}

const gone = (error: unknown): boolean => said(error, 'UNKNOWN_MEMBER_ID');
