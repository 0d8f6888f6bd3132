/** A stretch of offsets, without its end. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What a group remembers of a partition besides the offset before which all is done. */
export interface Marks {
  /** What lies before this offset was handed out before. */
  readonly handed: number;
  /** What is done behind the committed offset, in order. */
  readonly done: readonly Range[];
}

const VERSION = 'funq1';
/** Kafka keeps 4096 bytes with an offset, if it was not told otherwise. */
const LONGEST = 4000;

/**
 * As the text that Kafka keeps with a committed offset: how many offsets from `base` on were handed out, then by turns how
 * many are open and how many done. What does not fit is left out, so it may come again.
 */
export function writeMarks(base: number, { handed, done }: Marks): string {
  const parts = [VERSION, Math.max(0, handed - base).toString(36)];
  let length = VERSION.length + 12;
  let at = base;
  for (const { from, to } of done) {
    const pair = `${(from - at).toString(36)}.${(to - from).toString(36)}`;
    length += pair.length + 1;
    if (length > LONGEST) break;
    parts.push(pair);
    at = to;
  }
  return parts.join(' ');
}

/** No marks where the text is not ours, or is broken. */
export function readMarks(base: number, text: string | null | undefined): Marks {
  const [version, handed = '', ...pairs] = (text ?? '').split(' ');
  const done: Range[] = [];
  if (version !== VERSION) return { handed: base, done };
  let at = base;
  for (const pair of pairs) {
    const [open = NaN, length = NaN] = pair.split('.').map((part) => parseInt(part, 36));
    if (!(open >= 0 && length > 0)) return { handed: base, done: [] };
    done.push({ from: at + open, to: at + open + length });
    at += open + length;
  }
  return { handed: base + (parseInt(handed, 36) || 0), done };
}
