import { statSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { median, trendOf, type Trend } from './trend.js';

const MB = 2 ** 20;

/** The process at one moment. Sizes in MB. */
export interface Sample {
  /** Hours since the start. */
  readonly at: number;
  readonly done: number;
  readonly rss: number;
  /** What the heap holds after a full collection. */
  readonly heap: number;
  readonly handles: Readonly<Record<string, number>>;
  readonly disk: number;
}

/** Timers and reads come and go with the tasks in flight; these stay open. */
const PASSING = /^(Timeout|Immediate|TickObject)$|Req/;

export function takeSample(since: number, done: number, folder: string): Sample {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const disk = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const at = (performance.now() - since) / 3_600_000;
  return { at, done, rss: rss / MB, heap: heapUsed / MB, handles, disk: disk / MB };
}

export function lineOf({ at, done, rss, heap, handles, disk }: Sample): string {
  const open = Object.entries(handles).map(([kind, count]) => `${kind} ${count}`);
  const clock = new Date(at * 3_600_000).toISOString().slice(11, 19);
  const sizes = `rss ${rss.toFixed(1)} MB  heap ${heap.toFixed(1)} MB  disk ${disk.toFixed(1)} MB`;
  return `${clock}  done ${String(done).padStart(8)}  ${sizes}  open: ${open.join(', ') || 'nothing'}`;
}

/** What a run came to after its warm-up. */
export interface Growth {
  /** MB an hour. */
  readonly rss: Trend;
  readonly heap: Trend;
  readonly disk: Trend;
  /** Handles that stay open: how many more at the end than at the beginning. */
  readonly handles: number;
  /** The same of timers and reads under way. */
  readonly passing: number;
}

/** Leaves out the first `warmUp` hours, in which caches fill. */
export function growthOf(samples: readonly Sample[], warmUp: number): Growth {
  const settled = samples.filter(({ at }) => at >= warmUp);
  const trend = (of: (sample: Sample) => number): Trend => trendOf(settled.map((sample) => [sample.at, of(sample)]));
  const quarter = Math.ceil(settled.length / 4);
  const grown = (passing: boolean): number => {
    const count = ({ handles }: Sample): number =>
      Object.entries(handles).reduce((sum, [kind, n]) => (PASSING.test(kind) === passing ? sum + n : sum), 0);
    return median(settled.slice(-quarter).map(count)) - median(settled.slice(0, quarter).map(count));
  };
  return {
    rss: trend(({ rss }) => rss),
    heap: trend(({ heap }) => heap),
    disk: trend(({ disk }) => disk),
    handles: grown(false),
    passing: grown(true),
  };
}
