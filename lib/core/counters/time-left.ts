/** How much remained at a moment of the monotonic clock. */
export interface Level {
  readonly at: number;
  readonly remaining: number;
}

/** A comparison over less than this, in milliseconds, says more about chance than about the pace. */
const SHORTEST = 10_000;
/** One with anything older says nothing of the present. */
export const LONGEST = 90_000;
/** A change of this many tasks is no chance; for a smaller one a longer stretch is looked at. */
const PLAIN = 20;

/**
 * Milliseconds until nothing remains: `remaining / (rate − inflow)`, where
 *
 * - `rate` is what all live processes take off per second, and `inflow` what comes in: published by anyone, retried, or
 *   delayed until now. Nobody sees all of that, but it shows in what remains: `rate − inflow` is by how much less there is than
 *   before. So the pace is measured against an `earlier` level, the latest that is at least ten seconds old and differs
 *   plainly; where none does, the oldest of the last ninety seconds, which lets a slow queue be seen moving at all. A level of
 *   nothing is passed over: what came after a rest came at once as likely as not, and tells no pace.
 * - As long as there is no such level, nothing is known of the inflow, and it is taken for none: `remaining / rate`.
 *
 * 0 when nothing remains, `'growing'` when it does not get less although tasks end or come in, `undefined` when nothing moves.
 *
 * @param earlier levels before `now`, oldest first
 * @param rate tasks that all processes end per second
 */
export function timeLeft(now: Level, earlier: readonly Level[], rate: number): number | 'growing' | undefined {
  if (now.remaining === 0) return 0;
  const before = reference(now, earlier);
  if (!before) return rate > 0 ? (now.remaining / rate) * 1000 : undefined;
  const less = before.remaining - now.remaining;
  if (less > 0) return (now.remaining / less) * (now.at - before.at);
  return less < 0 || rate > 0 ? 'growing' : undefined;
}

function reference(now: Level, earlier: readonly Level[]): Level | undefined {
  const comparable = earlier.filter(
    ({ at, remaining }) => remaining > 0 && now.at - at >= SHORTEST && now.at - at <= LONGEST,
  );
  return comparable.findLast(({ remaining }) => Math.abs(remaining - now.remaining) >= PLAIN) ?? comparable[0];
}
