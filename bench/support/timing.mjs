/** Rounds of warm-up before the one that counts: code is compiled by use. */
export async function warmed(warmUp, count) {
  await warmUp();
  globalThis.gc?.();
  return count();
}

/** Tasks a second. */
export async function rateOf(tasks, work) {
  const from = performance.now();
  await work();
  return perSecond(tasks, performance.now() - from);
}

export const perSecond = (tasks, ms) => (tasks / ms) * 1000;

/** The value below which `part` of `values` lies. */
export function percentile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** Calls `send` for 0 to `count` - 1 with at most `width` of them unanswered, the next as soon as one was answered. */
export async function inFlight(count, width, send) {
  let next = 0;
  const lane = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
