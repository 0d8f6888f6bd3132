import { appendFileSync, readFileSync } from 'node:fs';

/** What happened to a delivery: handed to a process, begun, finished, acknowledged, given back, or found lost. */
export type LedgerEvent = 'claim' | 'start' | 'end' | 'ack' | 'release' | 'lost';

export interface LedgerLine {
  readonly event: LedgerEvent;
  readonly pid: number;
  readonly name: string;
  readonly redelivered: number;
}

/**
 * A file that several processes append to, and that says what they did even when they are killed: each line is one write
 * at the end of the file, and a last line that was cut off is passed over.
 */
export class Ledger {
  readonly #lines: LedgerLine[] = [];
  /** How many bytes of the file were read. */
  #known = 0;

  constructor(readonly file: string) {}

  write(event: LedgerEvent, pid: number, name: string, redelivered = 0): void {
    appendFileSync(this.file, `${event} ${pid} ${name} ${redelivered}\n`);
  }

  /** All lines up to now. */
  read(): readonly LedgerLine[] {
    const news = readFileSync(this.file).subarray(this.#known);
    const whole = news.subarray(0, news.lastIndexOf('\n') + 1);
    this.#known += whole.length;
    for (const line of whole.toString().split('\n').slice(0, -1)) {
      const [event, pid, name, redelivered] = line.split(' ');
      this.#lines.push({
        event: event as LedgerEvent,
        pid: Number(pid),
        name: name!,
        redelivered: Number(redelivered),
      });
    }
    return this.#lines;
  }

  /** The names of all lines of an event, in order, with repeats. */
  names(event: LedgerEvent, pid?: number): string[] {
    return this.read()
      .filter((line) => line.event === event && (pid === undefined || line.pid === pid))
      .map(({ name }) => name);
  }
}
