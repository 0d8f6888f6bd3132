/** Rounds of warm-up before the one that counts: code is compiled by use. */
export async function warmed(warmUp, count) {
  await warmUp();
  globalThis.gc?.();
  return count();
}

/**
 * Begins to measure; the returned function ends it. `rate`: tasks a second. `cpu`: microseconds of processor time a task, of
 * all threads, which tells more than the rate where other programs run besides.
 */
export function stopwatch(tasks) {
  const from = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { rate: (tasks / (performance.now() - from)) * 1000, cpu: (user + system) / tasks };
  };
}

export async function timed(tasks, work) {
  const stop = stopwatch(tasks);
  await work();
  return stop();
}

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
