import type { Delivery } from '../../contracts/broker.js';
import { DONE, Runs, readMarks, writeMarks, type Run } from './kafka-marks.js';

/** One message of a partition while this process has it. */
export interface Entry {
  readonly window: KafkaWindow;
  readonly offset: number;
  readonly body: Uint8Array;
  /** How often it was handed out before. */
  readonly count: number;
  state: 'waiting' | 'out' | 'done';
}

/** Entries that are done are cut off in pieces of this size, so that acknowledging stays cheap. */
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
  /** All entries from this one on wait. */
  #reach = 0;
  #out = 0;
  #waiting = 0;
  /** What was known when the partition came here, of which nothing was fetched yet. */
  #known: Run[];
  /** What was known ends here. */
  readonly #end: number;
  /** The next offset to fetch. */
  position: number;
  /** No longer ours: what was handed out may be with someone else. */
  lost = false;
  /** To be handed on to another member as soon as nothing is out. */
  leaving = false;
  /** There is something to commit. */
  dirty = false;

  constructor(
    readonly partition: number,
    base: number,
    text: string | null,
  ) {
    this.position = base;
    this.#known = readMarks(base, text);
    this.#end = this.#known.at(-1)?.to ?? base;
  }

  get out(): number {
    return this.#out;
  }

  get waiting(): number {
    return this.#waiting;
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
    this.#waiting++;
  }

  /** All before `position` was seen, also where there were no messages. */
  pass(position: number): void {
    if (position > this.position) this.position = position;
  }

  /** Up to `max` in order; none when it is being left. */
  take(max: number, taken: Delivery[]): void {
    if (this.leaving || this.lost) return;
    for (; this.#cursor < this.#entries.length && taken.length < max; this.#cursor++) {
      const entry = this.#entries[this.#cursor]!;
      if (entry.state !== 'waiting') continue;
      entry.state = 'out';
      this.#out++;
      this.#waiting--;
      this.dirty = true;
      taken.push({ body: entry.body, receipt: entry, redelivered: entry.count });
    }
    this.#reach = Math.max(this.#reach, this.#cursor);
  }

  ack(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'done';
    this.#out--;
    this.dirty = true;
    while (this.#entries[this.#head]?.state === 'done') this.#head++;
    if (this.#head >= PIECE) this.#cut();
  }

  /** Back to its old place, as if it had not been handed out. */
  release(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'waiting';
    this.#out--;
    this.#waiting++;
    this.dirty = true;
    this.#cursor = Math.min(this.#cursor, this.#indexOf(entry.offset));
  }

  /** What is known behind the committed offset. Offsets without a message count as done; what only waits needs no word. */
  marks(): string {
    const runs = new Runs();
    let at = this.committed;
    let index = this.#head;
    for (let entry; (entry = this.#entries[index]) && (index < this.#reach || entry.offset < this.#end); index++) {
      const { offset, state, count } = entry;
      runs.add(at, offset, DONE);
      runs.add(offset, offset + 1, state === 'done' ? DONE : count + (state === 'out' ? 1 : 0));
      at = offset + 1;
    }
    if (index === this.#entries.length) {
      runs.add(at, this.position, DONE);
      for (const { from, to, count } of this.#known) runs.add(Math.max(from, this.position), to, count);
    }
    return writeMarks(runs.list);
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#cursor = Math.max(0, this.#cursor - this.#head);
    this.#reach -= this.#head;
    this.#head = 0;
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
