import type { TaskResult } from '../../contracts/stores.js';

/** The most that wait, in records and in bytes. */
const RECORDS = 10_000;
const BYTES = 16 * 2 ** 20;
/** What a record takes up besides its contents, about. */
const FRAME = 300;

/** Results on their way to a store, oldest first, bounded. */
export class ResultBuffer {
  #waiting: TaskResult[] = [];
  /** Those before it are gone; to take each out of the list at once would cost as much as the list is long. */
  #first = 0;
  /** Given to the store, whose answer is not there yet. */
  #sent: readonly TaskResult[] = [];
  #bytes = 0;

  /** Those that are not with the store. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** Takes the record in, without contents that would be too much alone; the answer is how many of the oldest had to go for it. */
  add(result: TaskResult): number {
    const taken = sizeOf(result) > BYTES ? withoutContents(result) : result;
    this.#waiting.push(taken);
    this.#bytes += sizeOf(taken);
    return this.#trim();
  }

  /** Up to `max` of the oldest, to be followed by {@link saved} or {@link unsaved}. */
  take(max: number): readonly TaskResult[] {
    const end = Math.min(this.#first + max, this.#waiting.length);
    this.#sent = this.#waiting.slice(this.#first, end);
    this.#waiting = this.#waiting.slice(end);
    this.#first = 0;
    return this.#sent;
  }

  /** The store has what was taken. */
  saved(): void {
    for (const result of this.#sent) this.#bytes -= sizeOf(result);
    this.#sent = [];
  }

  /** What was taken waits again in its place; the answer is how many of the oldest had to go. */
  unsaved(): number {
    this.#waiting = [...this.#sent, ...this.#waiting.slice(this.#first)];
    this.#first = 0;
    this.#sent = [];
    return this.#trim();
  }

  /** Gives up all that waits; the answer is how many those were. */
  clear(): number {
    return this.#drop(this.waiting);
  }

  #trim(): number {
    let gone = 0;
    while ((this.waiting + this.#sent.length > RECORDS || this.#bytes > BYTES) && this.waiting > 0)
      gone += this.#drop(1);
    return gone;
  }

  #drop(count: number): number {
    for (let n = 0; n < count; n++) this.#bytes -= sizeOf(this.#waiting[this.#first++]!);
    if (this.#first < this.#waiting.length / 2 && this.#first < RECORDS) return count;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
    return count;
  }
}

function withoutContents({ args: _args, value: _value, ...outcome }: TaskResult): TaskResult {
  return { ...outcome, unserializable: true };
}

function sizeOf({ id, queue, args, value, reason, error }: TaskResult): number {
  const texts = id.length + queue.length + (reason?.length ?? 0);
  let size = FRAME + texts + (args?.length ?? 0) + (value?.length ?? 0);
  for (let each = error; each; each = each.cause) size += each.message.length + (each.stack?.length ?? 0);
  return size;
}
