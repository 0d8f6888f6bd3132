/** A stretch of offsets, without its end, of which the same is known. */
export interface Run {
  readonly from: number;
  readonly to: number;
  /** How often its messages were handed out and not given back; {@link DONE} where that is over. */
  readonly count: number;
}

export const DONE = -1;

const VERSION = 'funq1';
/** Kafka keeps 4096 bytes with an offset, if it was not told otherwise. */
const LONGEST = 4000;

/** Collects runs in order; what is the same and adjoins is one. */
export class Runs {
  readonly list: Run[] = [];

  add(from: number, to: number, count: number): void {
    if (to <= from) return;
    const last = this.list.at(-1);
    if (last?.to === from && last.count === count) this.list[this.list.length - 1] = { from: last.from, to, count };
    else this.list.push({ from, to, count });
  }
}

/**
 * What is known behind a committed offset, as the text that Kafka keeps with it: the lengths of the runs, each with its count
 * where it is not done, base 36. What does not fit is left out: it may come again, and as if for the first time.
 */
export function writeMarks(runs: readonly Run[]): string {
  let text = VERSION;
  for (const { from, to, count } of runs) {
    const length = (to - from).toString(36);
    const part = count === DONE ? ` ${length}` : ` ${length}.${count.toString(36)}`;
    if (text.length + part.length > LONGEST) break;
    text += part;
  }
  return text;
}

/** No runs where the text is not ours, or is broken. */
export function readMarks(base: number, text: string | null): Run[] {
  const [version, ...parts] = (text ?? '').split(' ');
  if (version !== VERSION) return [];
  const runs: Run[] = [];
  let from = base;
  for (const part of parts) {
    const [length, count] = part.split('.').map((digits) => parseInt(digits, 36));
    if (!(length! > 0) || !((count ?? 0) >= 0)) return [];
    runs.push({ from, to: from + length!, count: count ?? DONE });
    from += length!;
  }
  return runs;
}
