import { Cron } from 'croner';
import { FunqConfigError } from '../errors.js';
import { show } from '../options/show.js';
import type { Dates } from './dates.js';

/** Whether a minute, named by any moment in it, matches. Throws `FUNQ_OPTION_INVALID`, naming `option`. */
export type MinutePattern = (epoch: number) => boolean;

/** Matcher of a five-field cron expression in a time zone. */
export function cronMinutes(expression: string, timeZone: string, option: string): MinutePattern {
  if (expression.trim().split(/\s+/).length !== 5) {
    throw invalid(option, expression, 'a window takes five fields: minute hour day month weekday');
  }
  try {
    const cron = new Cron(expression, { timezone: timeZone, paused: true, mode: '5-part' });
    if (!cron.nextRun(new Date(0))) throw new RangeError('there is no such date');
    return (epoch) => cron.match(new Date(epoch - (epoch % 60_000)));
  } catch (error) {
    throw invalid(option, expression, (error as Error).message.slice(0, 200));
  }
}

/**
 * The moments of a cron expression of five fields, or six with seconds, in a time zone. Throws `FUNQ_OPTION_INVALID`, naming
 * `option`, for what can't be read and for a date that never comes, such as 30 February.
 */
export function cronDates(expression: string, timeZone: string, option: string): Dates {
  try {
    const cron = new Cron(expression, {
      timezone: timeZone, paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard',
    }); // prettier-ignore
    if (!cron.nextRun(new Date(0))) throw new RangeError('there is no such date');
    return {
      after: remembered((time) => cron.nextRun(new Date(time))?.getTime()),
      // What croner calls previous is before a moment, and this is up to it.
      latest: (count, time) =>
        cron
          .previousRuns(count, new Date(time + 1))
          .map(Number)
          .toReversed(),
    };
  } catch (error) {
    throw invalid(option, expression, (error as Error).message.slice(0, 200));
  }
}

/** No moment lies between a time and the first one after it: one search answers for all that fall in between. */
function remembered(find: (time: number) => number | undefined): (time: number) => number | undefined {
  let from = Infinity;
  let found: number | undefined;
  return (time) => {
    if (time < from || (found !== undefined && time >= found)) {
      found = find(time);
      from = time;
    }
    return found;
  };
}

function invalid(option: string, expression: string, why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `${option} is ${show(expression)}: ${why}`);
}
