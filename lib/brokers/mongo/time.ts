import type { mongo } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';

/** Milliseconds after which the server is asked for its time again. */
const FRESH = 60_000;
/** By how much this process's wall clock may part from its monotonic clock, in milliseconds, before the server is asked again. */
const APART = 1000;
/** Readings at the beginning: the quickest of them says most. */
const READINGS = 3;

/** The last moment of a date; what is beyond it would be written as the first one. */
const LAST = 8_640_000_000_000_000;

/** The date of a moment in milliseconds, not before it where there is one. */
export const dateOf = (ms: number): Date => new Date(Math.min(Math.ceil(ms), LAST));

/** The document that the server writes its time into. */
export interface TimeDocument extends mongo.Document {
  readonly _id: string;
  readonly at: Date;
}

/**
 * The server's wall clock, in milliseconds since the epoch, from readings that are carried on by this process's monotonic clock: what
 * processes write for each other does not depend on their own wall clocks. A reading is known within the time that it took, so there
 * are two bounds; to compare with `least` what was set by `most` never ends anything early.
 */
export class ServerTime {
  #least = -Infinity;
  #most = Infinity;
  #readAt = -Infinity;
  /** How far apart the process's clocks were then. A monotonic clock stands still while the machine sleeps. */
  #apart = 0;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly collection: mongo.Collection<TimeDocument>,
    private readonly clock: Clock,
  ) {}

  /** Not later than the server's time now. */
  get least(): number {
    return this.clock.monotonic() + this.#least;
  }

  /** Not earlier than the server's time now. */
  get most(): number {
    return this.clock.monotonic() + this.#most;
  }

  /** Reads the server's time when the last reading is old, or the machine may have slept since. */
  async refresh(): Promise<void> {
    const { clock } = this;
    const awake = Math.abs(clock.now() - clock.monotonic() - this.#apart) < APART;
    if (awake && clock.monotonic() - this.#readAt < FRESH) return;
    await (this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined)));
  }

  async #readAll(): Promise<void> {
    let best = Infinity;
    for (let n = 0; n < READINGS; n++) {
      const before = this.clock.monotonic();
      const found = await this.collection.findOneAndUpdate(
        { _id: 'clock' },
        { $currentDate: { at: true } },
        { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } },
      );
      const after = this.clock.monotonic();
      if (after - before >= best) continue;
      best = after - before;
      // A date holds whole milliseconds.
      this.#least = found!.at.getTime() - after;
      this.#most = found!.at.getTime() + 1 - before;
    }
    this.#readAt = this.clock.monotonic();
    this.#apart = this.clock.now() - this.#readAt;
  }
}
