/** How soon a look is repeated when somebody seems to have fallen silent, in milliseconds. */
export const SECOND_LOOK = 25;
/** A sign of life is asked for several times a lease: after this part of it at the latest. */
const BEAT = 0.5;

/** When the next sign of life is due after one `now`, in milliseconds; see {@link Sightings.excuse}. */
export const nextBeat = (now: number, lease: number): number => now + lease * BEAT;

interface Sighting {
  readonly beats: unknown;
  since: number;
  suspected: boolean;
}

/**
 * Who showed a sign of life, and when: counts of beats as they were seen, on the watcher's own monotonic clock. Nobody's wall clock is
 * believed, so setting it, or waking a machine from sleep, costs no one his messages.
 */
export class Sightings<Id> {
  readonly #seen = new Map<Id, Sighting>();
  #excused = -Infinity;

  note(id: Id, beats: unknown, now: number): void {
    this.#seen.set(id, { beats, since: now, suspected: false });
  }

  /**
   * A sign of life that was due comes only now: something was in this process's way, a lock, a full disk, a server that was away, or a
   * sleep, and may have been in the way of the others, too. Nobody's silence counts for so long.
   */
  excuse(due: number, now: number): void {
    const late = now - Math.max(due, this.#excused);
    if (late <= 0) return;
    this.#excused = now;
    for (const sighting of this.#seen.values()) sighting.since = Math.min(now, sighting.since + late);
  }

  /** Forgets those that are not there any more. */
  keep(present: ReadonlySet<Id>): void {
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id);
  }

  /**
   * Whether the count stood still for `lease` milliseconds. `'suspected'` at first: when this process was held up itself, the beats of
   * its own consumers are only about to come; look again after {@link SECOND_LOOK}.
   */
  look(id: Id, beats: unknown, lease: number, now: number): 'alive' | 'suspected' | 'silent' {
    const last = this.#seen.get(id);
    if (!last || last.beats !== beats) {
      this.note(id, beats, now);
      return 'alive';
    }
    const silent = now - last.since >= lease;
    const before = last.suspected;
    last.suspected = silent;
    if (!silent) return 'alive';
    return before ? 'silent' : 'suspected';
  }
}
