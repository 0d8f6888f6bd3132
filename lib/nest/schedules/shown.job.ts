import { describeTimes } from '../../core/schedules/schedule.js';
import type { Shown } from './schedule.mirror.js';

/** A `Date` that can also be read as the dates of the `cron` package are. */
export class ShownDate extends Date {
  toMillis(): number {
    return this.getTime();
  }
  toJSDate(): Date {
    return new Date(this.getTime());
  }
  toISO(): string {
    return this.toISOString();
  }
  toUnixInteger(): number {
    return Math.floor(this.getTime() / 1000);
  }
}

/**
 * A schedule as readers of Nest's `SchedulerRegistry` know a `CronJob`. `stop()` and `start()` hold for this process alone;
 * `fireOnTick()` publishes one task at once, besides those of the schedule.
 */
export class ShownJob {
  /** `source` is the cron expression, or the schedule in words. */
  readonly cronTime: { readonly source: string; readonly timeZone: string | undefined };
  /** A property, because the registry puts its own function around it. */
  fireOnTick: () => Promise<void>;
  readonly #shown: Shown;

  constructor(
    readonly name: string,
    shown: Shown,
  ) {
    const { when } = shown;
    this.#shown = shown;
    this.cronTime =
      'cron' in when
        ? { source: when.cron, timeZone: when.timeZone }
        : { source: describeTimes(when), timeZone: undefined };
    this.fireOnTick = () => shown.fire();
  }

  get isActive(): boolean {
    return this.#shown.active();
  }

  /** The next moment; `null` when there is none, or the job is stopped. */
  nextDate(): ShownDate | null {
    return this.nextDates(1)[0] ?? null;
  }

  nextDates(count = 1): ShownDate[] {
    return this.#shown.next(count).map((moment) => new ShownDate(moment));
  }

  /** When this process published last, for which moment. */
  lastDate(): Date | null {
    const last = this.#shown.last();
    return last === undefined ? null : new Date(last);
  }

  start(): void {
    this.#shown.start();
  }

  /** Resolves when nothing is under way any more. */
  stop(): Promise<void> {
    return this.#shown.stop();
  }
}
