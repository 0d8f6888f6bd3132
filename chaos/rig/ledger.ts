import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

/**
 * What is noted of a task: before it is published, when the broker confirmed or refused it, when its function begins and
 * ends, when the engine says that it is done for ever or that its lease was lost; and, where asked for, when it is handed to a
 * process, and put back by one that has not begun it. `fault` and `over` enclose what is done to
 * a process; `crash` is an end that nobody ordered.
 */
export const MARKS = [
  'attempted', 'acknowledged', 'rejected', 'start', 'end', 'done', 'lost', 'claim', 'back', 'fault', 'over', 'crash',
] as const; // prettier-ignore

export type Mark = (typeof MARKS)[number];

export interface Entry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Name of the process that it is about; {@link EVERYBODY} for a fault that hits all. */
  readonly by: string;
  readonly mark: Mark;
  /** The task's id; `-` where there is none. */
  readonly task: string;
  /** Number of the run in its process, or the code of an error, or a signal; `-` where there is none. */
  readonly note: string;
}

export const EVERYBODY = '*';
const NOTHING = '-';
/** Ends a whole line: a number that was cut off is a number, too. */
const SEAL = ';';

/**
 * Writes down what happens, in a file that many processes append to. Each entry is one write, so it stands there even when the
 * process is killed right after. It begins with a line break: what a killed process left half-written spoils no other entry.
 */
export class LedgerWriter {
  readonly #file: number;

  constructor(
    file: string,
    private readonly by: string,
  ) {
    this.#file = openSync(file, 'a');
  }

  write(mark: Mark, task = NOTHING, note: string | number = NOTHING, by = this.by): void {
    writeSync(this.#file, `\n${Date.now()} ${by} ${mark} ${task} ${note} ${SEAL}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Reads what was written since it last looked. */
export class LedgerReader {
  #known = 0;
  /** The beginning of a line whose end is not there yet. */
  #rest = '';

  constructor(private readonly file: string) {}

  read(): Entry[] {
    const lines = (this.#rest + this.#news()).split('\n');
    this.#rest = lines.pop()!;
    return lines.map(entryOf).filter((entry) => entry !== undefined);
  }

  #news(): string {
    if (!existsSync(this.file)) return '';
    const file = openSync(this.file, 'r');
    try {
      const bytes = Buffer.alloc(fstatSync(file).size - this.#known);
      this.#known += readSync(file, bytes, 0, bytes.length, this.#known);
      return bytes.toString('latin1');
    } finally {
      closeSync(file);
    }
  }
}

/** Undefined for what is no whole entry. */
function entryOf(line: string): Entry | undefined {
  const [at, by, mark, task, note, seal] = line.split(' ');
  if (seal !== SEAL || !MARKS.includes(mark as Mark)) return undefined;
  return { at: Number(at), by: by!, mark: mark as Mark, task: task!, note: note! };
}
