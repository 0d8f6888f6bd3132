import type { Clock } from '../../contracts/clock.js';
import type { RatePolicy } from '../../contracts/policy.js';
import type { ManagedTask } from '../../contracts/task.js';
import { Line, type LineOptions } from './line.js';

/** Longest wait in a slot for a start under a limit that has keys, and while half of the slots are waited in already. */
const IN_PLACE = 1000;
const CROWDED = 50;
/** Lines in which nobody waits are dropped first when this many have gathered, then at each doubling. */
const LINES = 10_000;

export interface LimiterOptions {
  readonly clock: Clock;
  /** The starts of a key. */
  line(name: string, scope: RatePolicy['scope']): LineOptions;
  /** Milliseconds until a start could be had, where that must be asked for. */
  ask(name: string, rate: RatePolicy): Promise<number> | undefined;
}

/** The tasks of one consumer that wait for their starts: a line for each key. */
export class Limiter {
  readonly #lines = new Map<string, Line>();
  #waiting = 0;
  #limit = LINES;

  constructor(private readonly options: LimiterOptions) {}

  /**
   * Milliseconds after which a task under a limit with keys had better come back, or 0 when it may wait in its slot. So one key
   * can't keep the others waiting: who waits long goes back to the queue, and no more than half of the slots are waited in.
   */
  detour(task: ManagedTask, rate: RatePolicy, name: string): number | Promise<number> {
    const line = this.#line(rate, name);
    const crowded = this.#waiting >= Math.floor(task.policy.concurrency / 2);
    const patience = crowded ? CROWDED : IN_PLACE;
    // Who is sent away comes back in the middle of what it may wait, so that it stands in line when its start comes.
    const judged = (wait: number): number => (wait > patience ? line.away(wait - patience / 2, rate) : 0);
    const wait = line.expected(rate);
    const asked = crowded && wait <= 0 ? this.options.ask(name, rate) : undefined;
    return asked ? asked.then(judged) : judged(wait);
  }

  /** Waits for the task's start in its slot; false when the process stops first. */
  async start(task: ManagedTask, rate: RatePolicy, name: string): Promise<boolean> {
    const place = this.#line(rate, name).enter(() => task.policy.rate);
    if (!place.started) {
      this.#waiting++;
      try {
        const turn = place.turn();
        if (!(await task.wait(turn))) return false;
        if (!place.started) await turn; // Rejects: no start can be had.
      } finally {
        this.#waiting--;
        if (!place.started) place.leave();
      }
    }
    task.begin();
    return true;
  }

  /** The consumer's rate is this one from now on. */
  replan(rate: RatePolicy | undefined): void {
    for (const line of this.#lines.values()) line.replan(rate);
  }

  #line({ scope }: RatePolicy, name: string): Line {
    const key = `${scope} ${name}`;
    const found = this.#lines.get(key);
    if (found) return found;
    if (this.#lines.size >= this.#limit) this.#sweep();
    const line = new Line(this.options.line(name, scope));
    this.#lines.set(key, line);
    return line;
  }

  #sweep(): void {
    const now = this.options.clock.monotonic();
    for (const [key, line] of this.#lines) if (line.idle(now)) this.#lines.delete(key);
    this.#limit = Math.max(LINES, this.#lines.size * 2);
  }
}
