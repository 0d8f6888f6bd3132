import type { Growth } from './samples.js';
import type { Trend } from './trend.js';

/** What a run may come to, in MB an hour. */
export const LIMITS = { rss: 10, heap: 2 } as const;

/** Minutes below which growth is shown and not judged: all of such a run is warming up. */
export const JUDGED_FROM = 10;
/** How many more timers may be pending at the end: they come and go with the tasks in flight. */
const TIMERS = 10;

export interface Outcome {
  readonly minutes: number;
  readonly published: number;
  readonly ended: number;
  /** What the engine reported that must not happen. */
  readonly faults: number;
  readonly errors: readonly string[];
  readonly growth: Growth;
}

/** Every reason why a run is not good enough; none when it is. */
export function breachesOf({ minutes, published, ended, faults, errors, growth }: Outcome): string[] {
  const breaches: string[] = [];
  if (ended !== published) breaches.push(`${published} tasks were published and ${ended} ended`);
  if (faults > 0) breaches.push(`the engine reported ${faults} faults`);
  if (errors.length > 0) breaches.push(`${errors.length} calls failed, the first with ${errors[0]}`);
  if (minutes < JUDGED_FROM) return breaches;
  for (const part of ['rss', 'heap'] as const)
    if (surely(growth[part]) > LIMITS[part]) breaches.push(`${part} grows by ${show(growth[part])}`);
  if (growth.handles > 0) breaches.push(`${growth.handles} more handles are open`);
  if (growth.passing > TIMERS) breaches.push(`${growth.passing} more timers and requests are pending`);
  return breaches;
}

/** A slope with its uncertainty: twice the standard error. */
export function show({ slope, error }: Trend): string {
  return `${slope.toFixed(2)} ± ${(2 * error).toFixed(2)} MB/h`;
}

/** The least that the slope is likely to be: a short or noisy run must not be blamed for its noise. */
function surely({ slope, error }: Trend): number {
  return slope - 2 * error;
}
