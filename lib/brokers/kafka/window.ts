import type { Delivery } from '../../contracts/broker.js';
import { DONE, Runs, readMarks, writeMarks, type Run } from './marks.js';

/** One message of a partition while this process has it. */
export interface Entry {
  readonly window: KafkaWindow;
  readonly offset: number;
  readonly body: Uint8Array;
  /** How often it was handed out before. */
  readonly count: number;
  state: 'waiting' | 'out' | 'done';
}

/** Entries that are done are left out when they are so many, and half of all: acknowledging stays cheap, and so does a long task before them. */
const PIECE = 1024;

/**
 * What this process has of one partition, from the committed offset on: a low-water mark, and above it what waits, is out or
 * done. Only what is done without a gap moves the offset; what else is known is committed beside it.
 */
export class KafkaWindow {
  /** By offset; those before `#head` are done. */
  #entries: Entry[] = [];
  #head = 0;
  /** No entry before this one waits. */
  #cursor = 0;
  /** All entries from this one on wait, and were never out. */
  #reach = 0;
  /** Entries before this one are committed as handed out, so that they may be. */
  #marked = 0;
  /** How many entries are out, wait, with how many bytes, and are done. */
  out = 0;
  waiting = 0;
  bytes = 0;
  #done = 0;
  /** What was known when the partition came here, of which nothing was fetched yet. */
  #known: Run[];
  /** Before this offset, one without an entry is done or has its say in what was known. */
  #end: number;
  /** The next offset to fetch. */
  position: number;
  /** No longer ours: what was handed out may be with someone else. */
  lost = false;
  /** There is something to commit. */
  dirty = false;
  #leaving = false;

  constructor(
    readonly partition: number,
    base: number,
    text: string | null,
    /** So many messages more than are out are committed as handed out, so that handing out need not wait. */
    private readonly ahead = 0,
  ) {
    this.position = base;
    this.#known = readMarks(base, text);
    this.#end = this.#known.at(-1)?.to ?? base;
  }

  /** To be handed on to another member as soon as nothing is out. */
  get leaving(): boolean {
    return this.#leaving;
  }

  set leaving(leaving: boolean) {
    if (leaving === this.#leaving) return;
    this.#leaving = leaving;
    // Of what is left, nothing that only waits is committed as handed out.
    this.#marked = 0;
    this.dirty = true;
  }

  /** Everything before this offset is done. */
  get committed(): number {
    return this.#entries[this.#head]?.offset ?? this.position;
  }

  /** A message that was fetched; those known as done, or fetched before, are passed over. */
  add(offset: number, body: Uint8Array): void {
    if (offset < this.position) return;
    this.position = offset + 1;
    while (this.#known[0] && this.#known[0].to <= offset) this.#known.shift();
    const known = this.#known[0];
    const count = known && known.from <= offset ? known.count : 0;
    if (count === DONE) {
      this.dirty = true;
      return;
    }
    this.#entries.push({ window: this, offset, body, count, state: 'waiting' });
    this.#wait(body, 1);
  }

  /** All before `position` was seen, also where there were no messages. */
  pass(position: number): void {
    if (position > this.position) this.position = position;
  }

  /** Up to `max` in order, of those that are committed as handed out; none when it is being left. */
  take(max: number, taken: Delivery[]): void {
    if (this.#leaving || this.lost) return;
    const end = Math.min(this.#marked, this.#entries.length);
    for (; this.#cursor < end && taken.length < max; this.#cursor++) {
      const entry = this.#entries[this.#cursor]!;
      if (entry.state !== 'waiting') continue;
      entry.state = 'out';
      this.out++;
      this.#wait(entry.body, -1);
      taken.push({ body: entry.body, receipt: entry, redelivered: entry.count });
    }
    this.#reach = Math.max(this.#reach, this.#cursor);
    const left = this.#marked - this.#cursor;
    if (this.#marked < this.#entries.length && left <= this.ahead / 2) this.dirty = true;
  }

  ack(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'done';
    this.out--;
    this.#done++;
    this.dirty = true;
    while (this.#entries[this.#head]?.state === 'done') this.#head++;
    if (this.#done >= PIECE && this.#done * 2 >= this.#entries.length) this.#cut();
  }

  /** Back to its old place, as if it had not been handed out. */
  release(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'waiting';
    this.out--;
    this.#wait(entry.body, 1);
    // It was committed as handed out, and so were all until the window is left.
    if (this.#leaving) this.dirty = true;
    this.#cursor = Math.min(this.#cursor, this.#indexOf(entry.offset));
  }

  /** What is to be committed; after that {@link marked} is to be called with the entry that comes with it. */
  marks(): { readonly text: string; readonly last: Entry | undefined } {
    const marked = this.#leaving ? 0 : Math.min(this.#reach + this.ahead, this.#entries.length);
    return { text: writeMarks(this.#runs(marked)), last: this.#entries[marked - 1] };
  }

  /** What {@link marks} said is committed: entries up to `last` may be handed out. */
  marked(last: Entry | undefined): void {
    if (last && !this.#leaving) this.#marked = Math.max(this.#marked, this.#indexOf(last.offset + 1));
  }

  /** What is known behind the committed offset. Offsets without a message count as done; what only waits needs no word. */
  #runs(marked: number): readonly Run[] {
    const runs = new Runs();
    const reach = Math.max(this.#reach, marked);
    let at = this.committed;
    let index = this.#head;
    for (let entry; (entry = this.#entries[index]) && (index < reach || entry.offset < this.#end); index++) {
      const { offset, state, count } = entry;
      runs.add(at, offset, DONE);
      runs.add(offset, offset + 1, state === 'done' ? DONE : count + (state === 'out' || index < marked ? 1 : 0));
      at = offset + 1;
    }
    const rest = this.#entries[index];
    if (at < this.#end || !rest) runs.add(at, rest?.offset ?? this.position, DONE);
    if (!rest) for (const { from, to, count } of this.#known) runs.add(Math.max(from, this.position), to, count);
    return runs.list;
  }

  #wait({ length }: Uint8Array, by: 1 | -1): void {
    this.waiting += by;
    this.bytes += by * length;
  }

  #cut(): void {
    const kept: Entry[] = [];
    let [cursor, reach, marked] = [0, 0, 0];
    for (const [index, entry] of this.#entries.entries()) {
      if (entry.state !== 'done') kept.push(entry);
      else this.#end = Math.max(this.#end, entry.offset + 1);
      if (index < this.#cursor) cursor = kept.length;
      if (index < this.#reach) reach = kept.length;
      if (index < this.#marked) marked = kept.length;
    }
    this.#entries = kept;
    [this.#cursor, this.#reach, this.#marked] = [cursor, reach, marked];
    this.#head = this.#done = 0;
  }

  #indexOf(offset: number): number {
    let low = this.#head;
    for (let high = this.#entries.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
