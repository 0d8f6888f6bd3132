import type { AuditOptions } from './options.js';
import { duration } from './text.js';

export interface Counts {
  readonly total: number;
  /** Done or dead. */
  readonly ended: number;
  /** Of those, how many already were when the run began. */
  readonly before: number;
  readonly dead: number;
}

const LINE_PERIOD = 1000;
const RATE_PERIOD = 5000;
const BAR = 24;

/** Where the run stands: one line that is rewritten on a terminal, a line every second anywhere else. */
export class Progress {
  readonly #screen: NodeJS.WriteStream;
  /** Where the run stood lately: what the rate is told from. */
  readonly #lately: { readonly at: number; readonly ended: number }[] = [];
  #writtenAt = -Infinity;

  constructor({ json }: AuditOptions) {
    this.#screen = json ? process.stderr : process.stdout;
  }

  show(counts: Counts): void {
    const complete = counts.ended === counts.total;
    if (this.#screen.isTTY) {
      const line = `${bar(counts)} ${this.#line(counts)}`.slice(0, (this.#screen.columns || 80) - 1);
      this.#screen.write(`\r${line}\x1b[K${complete ? '\n' : ''}`);
    } else if (complete || Date.now() - this.#writtenAt >= LINE_PERIOD) {
      this.#writtenAt = Date.now();
      this.#screen.write(`${this.#line(counts)}\n`);
    }
  }

  /** Makes room for something else; the next `show` writes the line again. */
  clear(): void {
    if (this.#screen.isTTY) this.#screen.write('\r\x1b[K');
  }

  #line({ total, ended, before, dead }: Counts): string {
    const rate = this.#rate(ended);
    return [
      `${ended} of ${total} packages`,
      before > 0 && `${before} done before`,
      dead > 0 && `${dead} dead`,
      rate > 0 && ended < total && `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`,
      rate > 0 && ended < total && `${duration((total - ended) / rate)} left`,
    ]
      .filter(Boolean)
      .join(' · ');
  }

  /** Packages per second over the last seconds in which something ended; results come in batches. */
  #rate(ended: number): number {
    const steps = this.#lately;
    if (ended !== steps.at(-1)?.ended) steps.push({ at: Date.now(), ended });
    const newest = steps.at(-1)!;
    while (steps.length > 2 && newest.at - steps[0]!.at > RATE_PERIOD) steps.shift();
    const oldest = steps[0]!;
    return newest === oldest ? 0 : ((newest.ended - oldest.ended) / (newest.at - oldest.at)) * 1000;
  }
}

function bar({ ended, total }: Counts): string {
  return `[${'='.repeat(total === 0 ? BAR : Math.floor((ended / total) * BAR)).padEnd(BAR)}]`;
}
