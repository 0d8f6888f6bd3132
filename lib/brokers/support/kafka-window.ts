import type { Delivery } from '../../contracts/broker.js';
import { readMarks, writeMarks, type Marks, type Range } from './kafka-marks.js';

/** One message of a partition while this process has it. */
export interface Entry {
  readonly window: KafkaWindow;
  readonly offset: number;
  readonly body: Uint8Array;
  state: 'waiting' | 'out' | 'done';
  /** Whether it was handed out before. */
  again: boolean;
}

/** Entries that are done are cut off in pieces of this size, so that acknowledging stays cheap. */
const PIECE = 1024;

/**
 * What this process has of one partition, from the committed offset on: a low-water mark, and above it what waits, is out or
 * done. Only what is done without a gap moves the offset; what is done behind a gap is remembered beside it.
 */
export class KafkaWindow {
  /** By offset; those before `#head` are done. */
  #entries: Entry[] = [];
  #head = 0;
  /** No entry before this one waits. */
  #cursor = 0;
  #out = 0;
  #waiting = 0;
  readonly #marks: Marks;
  /** The next offset to fetch. */
  position: number;
  /** No longer ours: what was handed out may be with someone else. */
  lost = false;
  /** What is known here and not yet committed. */
  dirty = false;
  #leaving = false;
  /** What lies before this offset is committed as handed out, so that it may be. */
  #marked = 0;

  constructor(
    readonly partition: number,
    base: number,
    text?: string | null,
  ) {
    this.position = base;
    this.#marks = readMarks(base, text);
  }

  get out(): number {
    return this.#out;
  }

  /** To be handed on to another member as soon as nothing is out. */
  get leaving(): boolean {
    return this.#leaving;
  }

  set leaving(leaving: boolean) {
    if (leaving === this.#leaving) return;
    this.#leaving = leaving;
    this.dirty = true;
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
    if (this.#marks.done.some(({ from, to }) => offset >= from && offset < to)) {
      this.dirty = true;
      return;
    }
    this.#entries.push({ window: this, offset, body, state: 'waiting', again: offset < this.#marks.handed });
    this.#waiting++;
    this.dirty = true;
  }

  /** All before `position` was seen, also where there were no messages. */
  pass(position: number): void {
    if (position > this.position) this.position = position;
  }

  /** Up to `max` in order; none when it is being left. */
  take(max: number, taken: Delivery[]): void {
    if (this.#leaving || this.lost) return;
    for (; this.#cursor < this.#entries.length && taken.length < max; this.#cursor++) {
      const entry = this.#entries[this.#cursor]!;
      if (entry.state !== 'waiting') continue;
      if (entry.offset >= this.#marked) return;
      entry.state = 'out';
      this.#out++;
      this.#waiting--;
      taken.push({ body: entry.body, receipt: entry, redelivered: entry.again ? 1 : 0 });
    }
  }

  ack(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'done';
    this.#out--;
    this.dirty = true;
    while (this.#entries[this.#head]?.state === 'done') this.#head++;
    if (this.#head >= PIECE) this.#cut();
  }

  /** Back to its old place. */
  release(entry: Entry): void {
    if (entry.state !== 'out') return;
    entry.state = 'waiting';
    this.#out--;
    this.#waiting++;
    this.#cursor = Math.min(this.#cursor, this.#indexOf(entry.offset));
  }

  /** What the group is to remember. Of a window that is left, what only waits counts as untouched. */
  marks(): { readonly text: string; readonly handed: number } {
    const last = this.#entries.findLast(({ state, again }) => state === 'out' || (again && state === 'waiting'));
    const handed = this.#leaving ? (last?.offset ?? -1) + 1 : Math.max(this.#marks.handed, this.position);
    return { text: writeMarks(this.committed, { handed, done: this.#done() }), handed };
  }

  /** That was committed. */
  marked(handed: number): void {
    this.#marked = handed;
  }

  /** Everything behind the low-water mark that is not open; offsets without a message count as done. */
  #done(): Range[] {
    const done: Range[] = [];
    let at = this.committed;
    const close = (to: number): void => {
      if (to > at) done.push({ from: at, to });
    };
    for (let index = this.#head; index < this.#entries.length; index++) {
      const { offset, state } = this.#entries[index]!;
      if (state === 'done') continue;
      close(offset);
      at = offset + 1;
    }
    close(this.position);
    const later = this.#marks.done.filter(({ to }) => to > this.position);
    return [...done, ...later.map(({ from, to }) => ({ from: Math.max(from, this.position), to }))];
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#cursor = Math.max(0, this.#cursor - this.#head);
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
