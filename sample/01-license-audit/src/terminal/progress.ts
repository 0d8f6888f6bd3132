import type { ConsumerCounters } from 'nestjs-funq';
import type { AuditOptions } from './options.js';
import { duration } from './text.js';

export interface Counts {
  readonly total: number;
  /** Done or dead. */
  readonly ended: number;
  /** Of those, how many already were when the run began. */
  readonly before: number;
  readonly dead: number;
  /** Tasks per second, of all processes together. */
  readonly rate: number;
  readonly eta: ConsumerCounters['eta'];
}

const LINE_PERIOD = 1000;
const BAR = 24;

/** Where the run stands: one line that is rewritten on a terminal, a line every second anywhere else. */
export class Progress {
  readonly #screen: NodeJS.WriteStream;
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

  #line({ total, ended, before, dead, rate, eta }: Counts): string {
    return [
      `${ended} of ${total} packages`,
      before > 0 && `${before} done before`,
      dead > 0 && `${dead} dead`,
      rate > 0 && ended < total && `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`,
      rate > 0 && typeof eta === 'number' && ended < total && `${duration(eta / 1000)} left`,
    ]
      .filter(Boolean)
      .join(' · ');
  }
}

function bar({ ended, total }: Counts): string {
  return `[${'='.repeat(total === 0 ? BAR : Math.floor((ended / total) * BAR)).padEnd(BAR)}]`;
}
