import { Heap } from './heap.js';

/**
 * One message in its lane. What comes back is put in as a new entry with the old place: an entry is handed out only once, so
 * holding it is the right to acknowledge it.
 */
export class Entry {
  /** Rank among the entries of the lane that were ever handed out. */
  place = 0;

  constructor(
    readonly body: Uint8Array,
    readonly priority: number,
    /** Milliseconds on the monotonic clock. */
    readonly expires: number | undefined,
    readonly redelivered = 0,
  ) {}
}

/** From how many entries on a lane looks for expired ones that nobody fetches. */
const CROWDED = 1024;

/** The messages of one priority, first in first out. What comes back goes before all that was never handed out. */
export class Lane {
  // Two lists instead of a ring: the one is filled while the other is emptied, then they change places.
  #filling: Entry[] = [];
  #emptying: (Entry | undefined)[] = [];
  #at = 0;
  #taken = 0;
  #crowded = CROWDED;
  readonly #returned = new Heap<Entry>((a, b) => a.place < b.place);

  constructor(readonly priority: number) {}

  get size(): number {
    return this.#filling.length + this.#emptying.length - this.#at + this.#returned.size;
  }

  push(entry: Entry): void {
    this.#filling.push(entry);
  }

  giveBack(entry: Entry): void {
    this.#returned.push(entry);
  }

  shift(): Entry | undefined {
    if (this.#returned.size > 0) return this.#returned.pop();
    if (this.#at === this.#emptying.length) {
      this.#emptying = this.#filling;
      this.#filling = [];
      this.#at = 0;
    }
    const entry = this.#emptying[this.#at];
    if (!entry) return undefined;
    this.#emptying[this.#at++] = undefined;
    entry.place = this.#taken++;
    return entry;
  }

  /** Drops what expired before `now`, rarely enough to cost nothing per message: a lane that nobody empties stays bounded. */
  prune(now: number): void {
    if (this.size < this.#crowded) return;
    const alive = (entry: Entry | undefined): entry is Entry => !(entry?.expires !== undefined && entry.expires <= now);
    this.#emptying = this.#emptying.slice(this.#at).filter(alive);
    this.#filling = this.#filling.filter(alive);
    this.#at = 0;
    this.#crowded = Math.max(CROWDED, this.size * 2);
  }

  clear(): void {
    this.#filling = [];
    this.#emptying = [];
    this.#at = 0;
    this.#returned.clear();
  }
}
