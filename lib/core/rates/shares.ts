import type { WorkerReport } from '../../contracts/stores.js';

/** A process may grow its share when it has seen fewer processes this many times in a row: one look may miss some. */
const LOOKS = 3;

interface Share {
  /** How many processes were seen at the last looks. */
  readonly looks: number[];
  /** What the others are told. */
  announced: number;
  /** What the limit is divided by. */
  parts: number;
  admitted: boolean;
}

/**
 * Into how many parts split limits are divided, by consumer, so that the parts together are never more than the whole.
 *
 * Every process announces by how many it divides. A newcomer starts nothing before all others that consume the same have announced
 * enough parts for it too; a process that sees more of them divides by more at once. So whoever starts tasks divides by no less than
 * the number of those who do.
 */
export class Shares {
  readonly #shares = new Map<string, Share>();
  #waiting: (() => void)[] = [];

  /** `consumers` as `broker/queue`. */
  constructor(consumers: readonly string[]) {
    for (const name of consumers) this.#shares.set(name, { looks: [], announced: 1, parts: 1, admitted: false });
  }

  /** What this process divides by, for the others to see. */
  get announced(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#shares].map(([name, { announced }]) => [name, announced]));
  }

  get admitted(): boolean {
    return [...this.#shares.values()].every(({ admitted }) => admitted);
  }

  /** What the limit of `consumer` is divided by; undefined while this process has no share. */
  partsOf(consumer: string): number | undefined {
    const share = this.#shares.get(consumer);
    return share?.admitted ? share.parts : undefined;
  }

  /** Resolves when something may have changed. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The others may have forgotten this process: it is a newcomer again. */
  forfeit(): void {
    for (const share of this.#shares.values()) share.admitted = false;
  }

  /**
   * Looks at those who are alive, apart from this process; {@link announced} has been stored before. True when there is something
   * else to announce now.
   */
  look(others: readonly WorkerReport[]): boolean {
    let news = false;
    for (const [name, share] of this.#shares) {
      const sharing = others.filter(({ consumers }) => consumers[name] !== undefined);
      const count = sharing.length + 1;
      share.looks.push(count);
      if (share.looks.length > LOOKS) share.looks.shift();
      const seen = Math.max(...share.looks);
      // A newcomer may still rely on what was announced before this look, so less holds only after the next one.
      share.parts = Math.max(seen, share.announced);
      news ||= seen !== share.announced;
      share.announced = seen;
      share.admitted ||= sharing.every(({ parts: theirs }) => (theirs?.[name] ?? Infinity) >= count);
    }
    for (const tell of this.#waiting.splice(0)) tell();
    return news;
  }
}
