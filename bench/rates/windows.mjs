/** The fewest and the most of the sorted `times` in any window of `length`, wherever it begins between the first and the last. */
export function windows(times, length) {
  const last = times.at(-1);
  let most = 0;
  let fewest = Infinity;
  for (let first = 0, end = 0; first < times.length; first++) {
    // A window that begins with a start holds the most, and one that begins just after it the fewest.
    while (end < times.length && times[end] < times[first] + length) end++;
    most = Math.max(most, end - first);
    if (times[first] + length > last) continue;
    let through = end;
    while (times[through] <= times[first] + length) through++;
    fewest = Math.min(fewest, through - first - 1);
  }
  return { most, fewest };
}

/** The shortest time between two of the sorted `times`. */
export function closest(times) {
  let gap = Infinity;
  for (let index = 1; index < times.length; index++) gap = Math.min(gap, times[index] - times[index - 1]);
  return gap;
}
