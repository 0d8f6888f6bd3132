import type { Delivery, Outgoing } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { Heap } from './heap.js';
import { MemoryIds } from './ids.js';
import { Entry, Lane } from './lane.js';

/** Longest that `receive` waits for a message, as the contract allows. */
const PATIENCE = 5000;

interface Delayed {
  readonly due: number;
  readonly rank: number;
  readonly entry: Entry;
}

interface Waiter {
  readonly max: number;
  readonly held: Set<Entry>;
  readonly deadline: number;
  answer(deliveries: Delivery[]): void;
}

/**
 * One queue in memory. A waiting receiver is woken by what it waits for: nothing polls, and the only timer is aimed at the
 * next thing that time alone brings about, for as long as somebody waits for it.
 */
export class MemoryQueue {
  readonly ids: MemoryIds;
  /** Highest priority first. */
  readonly #lanes: Lane[] = [];
  readonly #delayed = new Heap<Delayed>((a, b) => (a.due === b.due ? a.rank < b.rank : a.due < b.due));
  readonly #waiting = new Set<Waiter>();
  #consumers = 0;
  #ranks = 0;
  #serving = false;
  #timer: { readonly due: number; cancel(): void } | undefined;

  constructor(private readonly clock: Clock) {
    this.ids = new MemoryIds(clock);
  }

  add(messages: readonly Outgoing[]): void {
    for (const message of messages) {
      const { body, delay = 0, ttl, priority = 0 } = message;
      const now = delay > 0 || ttl !== undefined ? this.clock.monotonic() : 0;
      const entry = new Entry(body, priority, ttl === undefined ? undefined : now + ttl);
      if (delay > 0) {
        this.#delayed.push({ due: now + delay, rank: this.#ranks++, entry });
      } else {
        const lane = this.#lane(priority);
        if (ttl !== undefined) lane.prune(now);
        lane.push(entry);
      }
    }
    if (this.#waiting.size > 0) this.#wake();
  }

  /** Hands out up to `max` messages and notes them in `held`. */
  take(max: number, held: Set<Entry>): Delivery[] {
    this.#mature();
    const deliveries: Delivery[] = [];
    for (const lane of this.#lanes) {
      while (deliveries.length < max) {
        const entry = lane.shift();
        if (!entry) break;
        if (entry.expires !== undefined && entry.expires <= this.clock.monotonic()) continue;
        held.add(entry);
        deliveries.push({ body: entry.body, receipt: entry, redelivered: entry.redelivered });
      }
    }
    return deliveries;
  }

  /** As {@link take}, but waits for the first message until `signal` aborts or the patience ends. */
  wait(max: number, held: Set<Entry>, signal: AbortSignal): Promise<Delivery[]> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        max,
        held,
        deadline: this.clock.monotonic() + PATIENCE,
        answer: (deliveries) => {
          this.#waiting.delete(waiter);
          signal.removeEventListener('abort', stop);
          resolve(deliveries);
        },
      };
      const stop = (): void => waiter.answer([]);
      if (signal.aborted) return resolve([]);
      signal.addEventListener('abort', stop);
      this.#waiting.add(waiter);
      this.#aim();
    });
  }

  /** Puts an entry back in its old place. */
  giveBack(entry: Entry, redelivered: number): void {
    const again = new Entry(entry.body, entry.priority, entry.expires, redelivered);
    again.place = entry.place;
    this.#lane(entry.priority).giveBack(again);
    if (this.#waiting.size > 0) this.#wake();
  }

  join(): Set<Entry> {
    this.#consumers++;
    return new Set();
  }

  /** A consumer leaves: gives back what it holds and ends its waiting. */
  leave(held: Set<Entry>): void {
    this.#consumers--;
    for (const waiter of this.#waiting) if (waiter.held === held) waiter.answer([]);
    for (const entry of held) this.giveBack(entry, entry.redelivered + 1);
    held.clear();
    if (this.#waiting.size === 0) this.#disarm();
  }

  count(): number {
    this.#mature();
    return this.#lanes.reduce((sum, lane) => sum + lane.size, 0);
  }

  purge(): number {
    const removed = this.count() + this.#delayed.size;
    for (const lane of this.#lanes) lane.clear();
    this.#delayed.clear();
    return removed;
  }

  /** Whether the queue may be forgotten. */
  get idle(): boolean {
    const empty = this.#delayed.size === 0 && this.#lanes.every((lane) => lane.size === 0);
    return empty && this.#consumers === 0 && this.ids.empty;
  }

  #lane(priority: number): Lane {
    const lanes = this.#lanes;
    let at = 0;
    while (at < lanes.length && lanes[at]!.priority > priority) at++;
    if (lanes[at]?.priority !== priority) lanes.splice(at, 0, new Lane(priority));
    return lanes[at]!;
  }

  /** Moves what has come due to the end of its lane. */
  #mature(): void {
    if (this.#delayed.size === 0) return;
    const now = this.clock.monotonic();
    for (let next = this.#delayed.peek(); next && next.due <= now; next = this.#delayed.peek()) {
      this.#delayed.pop();
      this.#lane(next.entry.priority).push(next.entry);
    }
  }

  /** Serves the waiting ones in the next microtask, so that all that is published in one turn goes out together. */
  #wake(): void {
    if (this.#serving) return;
    this.#serving = true;
    queueMicrotask(() => {
      this.#serving = false;
      this.#serve();
      this.#aim();
    });
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      const deliveries = this.take(waiter.max, waiter.held);
      if (deliveries.length === 0) break;
      waiter.answer(deliveries);
    }
  }

  #aim(): void {
    const [first] = this.#waiting;
    if (!first) return;
    const due = Math.min(first.deadline, this.#delayed.peek()?.due ?? Infinity);
    if (this.#timer && this.#timer.due <= due) return;
    this.#disarm();
    this.#timer = { due, cancel: this.clock.after(due - this.clock.monotonic(), () => this.#ring()) };
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.clock.monotonic();
    this.#serve();
    for (const waiter of this.#waiting) if (waiter.deadline <= now) waiter.answer([]);
    this.#aim();
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
