/** A straight line through measurements. */
export interface Trend {
  /** Rise of the value for each unit of time. */
  readonly slope: number;
  /** Standard error of the slope; infinite with fewer than three points. */
  readonly error: number;
}

/** Least squares through `points` of time and value. */
export function trendOf(points: readonly (readonly [number, number])[]): Trend {
  const count = points.length;
  const mean = (index: 0 | 1): number => points.reduce((sum, point) => sum + point[index], 0) / count;
  const [middle, level] = [mean(0), mean(1)];
  const spread = points.reduce((sum, [time]) => sum + (time - middle) ** 2, 0);
  if (count < 3 || spread === 0) return { slope: 0, error: Infinity };
  const slope = points.reduce((sum, [time, value]) => sum + (time - middle) * (value - level), 0) / spread;
  const rest = points.reduce((sum, [time, value]) => sum + (value - level - slope * (time - middle)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) };
}

/** The value in the middle; 0 of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
