import type { Broker } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import { LONGEST, timeLeft, type Level } from './time-left.js';

/** How long, in milliseconds, an answer is used again while nothing happens here. */
const FRESH = 1000;
/** The longest that the broker may take for it. */
const DEADLINE = 5000;

export interface BacklogOptions {
  readonly queue: string;
  /** The broker, and its name in the app. */
  readonly broker: Broker;
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
}

/** What waits in one queue. The broker is asked when somebody wants to know, never twice at once. */
export class Backlog {
  #answer: Promise<number | undefined> = Promise.resolve(undefined);
  #freshUntil = -Infinity;
  #news = -1;
  #levels: Level[] = [];
  #failing = false;

  constructor(private readonly options: BacklogOptions) {}

  /**
   * `undefined` where the broker can't count, or did not answer in time. An answer is used again for a second, as long as
   * `news`, a number that rises with whatever this process does to the queue, is the same.
   */
  waiting(news: number): Promise<number | undefined> {
    const { clock } = this.options;
    const stale = clock.monotonic() >= this.#freshUntil || (news !== this.#news && this.#freshUntil < Infinity);
    if (!stale) return this.#answer;
    this.#news = news;
    this.#freshUntil = Infinity;
    this.#answer = this.#count().finally(() => (this.#freshUntil = clock.monotonic() + FRESH));
    return this.#answer;
  }

  /** Milliseconds until `remaining` tasks are ended, as {@link timeLeft} says; it is remembered for what is asked later. */
  timeLeft(remaining: number, rate: number): ReturnType<typeof timeLeft> {
    const now = { at: this.options.clock.monotonic(), remaining };
    this.#levels = this.#levels.filter(({ at }) => now.at - at <= LONGEST);
    const answer = timeLeft(now, this.#levels, rate);
    const last = this.#levels.at(-1);
    if (!last || now.at - last.at >= FRESH) this.#levels.push(now);
    return answer;
  }

  async #count(): Promise<number | undefined> {
    const { broker, name, queue, clock, events } = this.options;
    if (!broker.count) return undefined;
    const late = (): Error =>
      new FunqError('FUNQ_BROKER_UNAVAILABLE', `broker '${name}' did not count ${queue} within ${DEADLINE} ms`);
    try {
      const count = await withDeadline(clock, DEADLINE, broker.count(queue), late);
      this.#failing = false;
      return count;
    } catch (error) {
      if (!this.#failing) events.emit('countFailed', { queue, broker: name, error });
      this.#failing = true;
      return undefined;
    }
  }
}
