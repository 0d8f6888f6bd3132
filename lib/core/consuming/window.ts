import type { Clock } from '../../contracts/clock.js';
import type { WindowPolicy } from '../../contracts/policy.js';
import { FunqConfigError } from '../errors.js';
import { show } from '../options/show.js';
import { cronMinutes, type MinutePattern } from '../schedules/cron.js';

/** Answers whether a window is open. Both ends of a range fall on minutes: the first belongs to it, the last does not. */
export class TimeWindow {
  readonly #allow: readonly MinutePattern[];
  readonly #deny: readonly MinutePattern[];

  /** Throws `FUNQ_OPTION_INVALID` for a range, expression or zone that can't be read. */
  constructor({ allow, deny, timeZone }: WindowPolicy, option = 'window') {
    const local = localMinutes(timeZone, `${option}.timeZone`);
    const pattern = (name: string) => (text: string) => minutes(text, timeZone, local, `${option}.${name}`);
    this.#allow = allow.map(pattern('allow'));
    this.#deny = deny.map(pattern('deny'));
  }

  isOpen(epoch: number): boolean {
    const matches = (pattern: MinutePattern): boolean => pattern(epoch);
    return (this.#allow.length === 0 || this.#allow.some(matches)) && !this.#deny.some(matches);
  }
}

/** Holds a fetch loop back while its window is closed or its consumer is paused, and tells when that changes. */
export class Gate {
  #window: TimeWindow | undefined;
  #paused = false;
  #open = true;
  #nap: AbortController | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly changed: (open: boolean) => void,
  ) {}

  follow(window: WindowPolicy | undefined, paused: boolean): void {
    this.#window = window && new TimeWindow(window);
    this.#paused = paused;
    this.#nap?.abort();
  }

  get isOpen(): boolean {
    return !this.#paused && (this.#window?.isOpen(this.clock.now()) ?? true);
  }

  /** Resolves when it is open, or `signal` aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const open = this.isOpen;
      if (open !== this.#open) this.changed(open);
      this.#open = open;
      if (open) return;
      // A window changes on a minute and never within one.
      await this.#sleep(60_000 - (this.clock.now() % 60_000), signal);
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const nap = (this.#nap = new AbortController());
    const wake = (): void => nap.abort();
    signal.addEventListener('abort', wake, { once: true });
    await this.clock.sleep(ms, nap.signal);
    signal.removeEventListener('abort', wake);
  }
}

function minutes(text: string, timeZone: string, local: (epoch: number) => number, option: string): MinutePattern {
  const range = /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(text);
  if (!range) return cronMinutes(text, timeZone, option);
  const [fromHour, fromMinute, toHour, toMinute] = range.slice(1).map(Number) as [number, number, number, number];
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  if (fromHour > 23 || toHour > 24 || fromMinute > 59 || toMinute > 59 || to > 1440 || from === to) {
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `${option} is ${show(text)}, which is no range of a day: write '22:00-06:00' with two different times from 00:00 to 24:00`,
    );
  }
  return (epoch) => {
    const minute = local(epoch);
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
  };
}

/** Minute of the day in a time zone. */
function localMinutes(timeZone: string, option: string): (epoch: number) => number {
  try {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    return (epoch) => {
      const [hour, minute] = format.format(epoch).split(':').map(Number) as [number, number];
      return hour * 60 + minute;
    };
  } catch (error) {
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `${option} is ${show(timeZone)}, which is no IANA time zone: write 'Europe/Berlin' or 'UTC'`,
      { cause: error },
    );
  }
}
