/** How soon a look is repeated when somebody seems to have fallen silent, in milliseconds. */
export const SECOND_LOOK = 25;

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

  note(id: Id, beats: unknown, now: number): void {
    this.#seen.set(id, { beats, since: now, suspected: false });
  }

  /** For so many milliseconds nobody could show a sign of life: they count as no one's silence. */
  excuse(ms: number, now: number): void {
    for (const sighting of this.#seen.values()) sighting.since = Math.min(now, sighting.since + ms);
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
