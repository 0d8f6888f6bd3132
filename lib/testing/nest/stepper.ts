import { FunqError } from '../../core/errors.js';
import { SystemClock } from '../../core/system-clock.js';
import type { ManualClock } from '../manual-clock.js';
import type { Pulse } from './pulse.js';
import type { RunRecorder, TaskRun } from './run-recorder.js';

/** More runs than this without any time passing are taken for a task that publishes itself. */
const RUNS_AT_ONCE = 100_000;

/** Moves the clock from timer to timer, and lets all work be done that needs no time before it goes on. */
export class Stepper {
  readonly #real = new SystemClock();
  /** Runs that wait for something: the clock does not stand still for them any more. */
  readonly #silent = new WeakSet<TaskRun>();

  constructor(
    private readonly clock: ManualClock,
    private readonly pulse: Pulse,
    private readonly recorder: RunRecorder,
    /** Milliseconds of real time that a handler may be silent. */
    private readonly patience: number,
  ) {}

  /** Resolves when nothing more happens at this moment. Real work of handlers, such as reading a file, is waited for. */
  async quiet(limit = RUNS_AT_ONCE): Promise<void> {
    const first = this.recorder.begun;
    for (;;) {
      const { count } = this.pulse;
      await this.clock.advance(0);
      if (this.recorder.begun - first > limit) throw this.#endless(limit);
      if (this.pulse.count === count && !(await this.#stirs())) return;
    }
  }

  /** On to the next timer that is due within `ms`, and quiet again; false, without moving, when there is none. */
  async step(ms: number, limit?: number): Promise<boolean> {
    const stepped = await this.clock.step(ms);
    if (stepped) await this.quiet(limit);
    return stepped;
  }

  /** True when something happened while handlers were at work. */
  async #stirs(): Promise<boolean> {
    const busy = [...this.recorder.working].filter((run) => !this.#silent.has(run));
    if (busy.length === 0) return false;
    const over = new AbortController();
    const { count } = this.pulse;
    await Promise.race([this.pulse.next(), this.#real.sleep(this.patience, over.signal)]);
    over.abort();
    if (this.pulse.count !== count) return true;
    for (const run of busy) this.#silent.add(run);
    return false;
  }

  #endless(limit: number): FunqError {
    const { handler, queue } = this.recorder.runs.at(-1)!;
    return new FunqError(
      'FUNQ_NOT_DRAINED',
      `more than ${limit} runs, the last one of ${handler} on ${queue}: a task seems to publish itself again and again`,
    );
  }
}
